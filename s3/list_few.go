package s3

import (
	"context"
	"iter"
	"strings"

	"github.com/mailstrata/mailstrata/repo/store"
)

// fewOnPage is the number of objects on a page of ListFew. The caller is usually content with the
// first one.
const fewOnPage = 8

// ListFew implements store.FewLister.
func (s *Store) ListFew(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return s.objects(ctx, &listing{prefix: s.prefix + prefix, page: fewOnPage},
		strings.TrimSpace("list objects "+prefix))
}
