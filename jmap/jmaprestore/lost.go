package jmaprestore

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// findAdded finds out, after an answer was lost, which messages were added, and returns the others.
// It compares them with those of the mailbox that were not there before.
func (f *folder) findAdded(ctx context.Context, x *existing, items []*item) (left []*item, err error) {
	ids, err := f.t.ids(ctx, map[string]any{"inMailbox": f.box})
	if err != nil {
		return items, err
	}
	f.t.mu.Lock()
	ids = slices.DeleteFunc(ids, func(id string) bool { return x.byID[id] != nil && (x.byID[id].isIn(f.box) || f.used[id]) })
	f.t.mu.Unlock()
	list, err := f.t.describe(ctx, ids)
	if err != nil {
		return items, err
	}
	list = slices.DeleteFunc(list, func(e *email) bool {
		return !slices.ContainsFunc(items, func(it *item) bool { return it.Size == e.size })
	})
	hashes := make(map[*email]chunk.ID, len(list))
	for _, e := range list {
		hash, err := f.t.hashOf(ctx, e)
		if err != nil && ctx.Err() != nil {
			return items, context.Cause(ctx)
		}
		if err == nil {
			hashes[e] = hash
		}
	}
	for _, it := range items {
		at := slices.IndexFunc(list, func(e *email) bool { return !f.isUsed(e) && hashes[e] == it.Hash })
		if at < 0 {
			left = append(left, it)
			continue
		}
		f.added(x, it, list[at])
	}
	return left, nil
}

func (f *folder) isUsed(e *email) bool {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	return f.used[e.id]
}
