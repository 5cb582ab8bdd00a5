package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
)

// A chunk is erased if no root needs it, and an erasure names it or a manifest that is marked to be
// erased needs it. Packs with erased chunks are rewritten or condemned, however little of them is
// unused. The manifests are deleted after that, because only they say which chunks to look for.

// unmarkedFirst sorts manifests that stay before those that go, so that a chunk of both is found in
// one that stays.
func unmarkedFirst(roots []head.Head) {
	slices.SortStableFunc(roots, func(a, b head.Head) int {
		switch {
		case a.Marked == b.Marked:
			return 0
		case b.Marked:
			return -1
		}
		return 1
	})
}

// followErased records the erased chunks, after all roots were followed.
func (s *survey) followErased(ctx context.Context) error {
	if len(s.erased) == 0 && !s.erasures.HasMessages() {
		return nil
	}
	for prefix := range s.erasures.Chunks() {
		if _, err := s.census.Erase(prefix); err != nil {
			return err
		}
	}
	reach := func(id chunk.ID, _ uint64) (bool, error) { return s.census.Erase(id.Prefix()) }
	return s.walk(ctx, s.erased, reach, func(h head.Head, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, index.ErrNoChunk) || objects.Concerns(err):
			// What only this manifest held counts as unused, and is deleted when its packs are
			// rewritten.
			s.leave(h.Name, fmt.Errorf("it is damaged, so some of what it held is not known from other unused data; mailstrata prune --max-unused 0 deletes that too: %w", err))
		case err != nil:
			return fmt.Errorf("follow %s: %w", h.Name, err)
		}
		return nil
	})
}
