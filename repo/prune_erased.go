package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// A chunk is erased if no root needs it, and an erasure names it or a manifest that is marked to be erased needs it. Packs with
// erased chunks are rewritten or condemned, however little of them is unused. The manifests are deleted after that, because only
// they say which chunks to look for.

// unmarkedFirst sorts manifests that stay before those that go, so that a chunk of both is found in one that stays.
func unmarkedFirst(roots []Head) {
	slices.SortStableFunc(roots, func(a, b Head) int {
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
	s.census.erased = make([]uint64, len(s.census.reached))
	for prefix := range s.erasures.Chunks() {
		if _, err := s.census.erase(prefix); err != nil {
			return err
		}
	}
	reach := func(id chunk.ID, _ uint64) (bool, error) { return s.census.erase(id.Prefix()) }
	return s.walk(ctx, s.erased, reach, func(h Head, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, index.ErrNoChunk) || concernsObject(err):
			// What only this manifest held counts as unused, and is deleted when its packs are rewritten.
			s.leave(h.Name, fmt.Errorf("it is damaged, so some of what it held is not known from other unused data; mailstrata prune --max-unused 0 deletes that too: %w", err))
		case err != nil:
			return fmt.Errorf("follow %s: %w", h.Name, err)
		}
		return nil
	})
}

// erase records that a chunk was erased, and reports whether this is the first time and no root needs it.
func (c *census) erase(prefix chunk.Prefix) (first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = true
	err = c.file.Seek(prefix, c.buf, func(n int64, _ format.Entry) bool {
		bit := uint64(1) << (n % 64)
		first = (c.reached[n/64]|c.erased[n/64])&bit == 0
		c.erased[n/64] |= bit
		return false
	})
	return first, err
}
