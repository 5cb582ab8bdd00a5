package store

import (
	"context"
	"iter"
)

// FewLister is a Store that can list in small pages.
type FewLister interface {
	// ListFew is List for a caller that expects to stop after a few objects. A page of List
	// describes up to a thousand objects, each in some 300 bytes.
	ListFew(ctx context.Context, prefix string) iter.Seq2[Object, error]
}

// ListFew lists in small pages if the store can, and else by List.
func ListFew(ctx context.Context, s Store, prefix string) iter.Seq2[Object, error] {
	if few, ok := s.(FewLister); ok {
		return few.ListFew(ctx, prefix)
	}
	return s.List(ctx, prefix)
}
