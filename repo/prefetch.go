package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Limits of what Prefetch reads at once.
const (
	maxGap   = 256 << 10 // bytes between two frames: more of them cost more than a second request
	maxRange = 4 << 20
	parallel = 128 // the Store limits how many requests it makes at once

	// maxInFlight bounds the bytes that a Reader has requested and not decoded yet. A store that is
	// 50 ms away and sends 100 MB/s has 5 MB under way all the time. They are opened in the memory
	// in which they arrive.
	maxInFlight = 16 << 20
)

// Prefetch reads frames into the cache before they are needed: the first of them, as many as the
// cache holds beside those that it is fetching. It returns how many these are. It reads frames that
// lie together with one request, and makes many requests at once. The caller may ignore an error,
// because Chunk returns it again. An error about one object does not stop Prefetch.
func (rd *Reader) Prefetch(ctx context.Context, frames []format.Frame) (n int, err error) {
	n, claimed := rd.frames.claim(frames)
	slices.SortFunc(claimed, func(a, b *cachedFrame) int { return a.frame.Compare(b.frame) })
	var mu sync.Mutex
	var damage error
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for len(claimed) > 0 {
		run := claimed[:rd.together(claimed)]
		claimed = claimed[len(run):]
		group.Go(func() error {
			err := rd.fetchTogether(groupCtx, run)
			if err == nil || !objects.Concerns(err) && !errors.Is(err, store.ErrRange) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			damage = errors.Join(damage, err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return n, err
	}
	return n, damage
}

// Drop removes frames from the cache.
func (rd *Reader) Drop(frames []format.Frame) { rd.frames.drop(frames) }

// together returns how many of the frames, from the first, are read together: by one request, or
// alone if the host keeps the frame.
func (rd *Reader) together(frames []*cachedFrame) int {
	first := frames[0].frame
	n := 1
	if first.Size > packs.Small && rd.packs.Cached(rangeOf([]format.Frame{first})) {
		return n
	}
	for n < len(frames) && frames[n].frame.Pack == first.Pack {
		f := frames[n].frame
		gap, length := int64(f.Offset)-frames[n-1].frame.End(), f.End()-int64(first.Offset)
		if first.Size > packs.Small &&
			(gap > maxGap || length > maxRange || rd.packs.Cached(rangeOf([]format.Frame{f}))) {
			break
		}
		n++
	}
	return n
}

// rangeOf returns the range from the first to the last of some frames of one pack.
func rangeOf(frames []format.Frame) packs.Range {
	first, last := frames[0], frames[len(frames)-1]
	return packs.Range{
		Pack: first.Pack, Size: first.Size,
		Offset: int64(first.Offset), Length: last.End() - int64(first.Offset),
	}
}

// fetchTogether fetches and decodes claimed frames of one pack, by one request. It gives up those
// that it cannot read.
func (rd *Reader) fetchTogether(ctx context.Context, claimed []*cachedFrame) error {
	frames := make([]format.Frame, len(claimed))
	for i, c := range claimed {
		frames[i] = c.frame
	}
	wanted := rangeOf(frames)
	stored, release, err := rd.fetchRange(ctx, wanted)
	if err != nil {
		for _, c := range claimed {
			rd.frames.giveUp(c)
		}
		return fmt.Errorf("read %s: %w", wanted.Pack, err)
	}
	defer release()
	for _, c := range claimed {
		at := int64(c.frame.Offset) - wanted.Offset
		content, damage := rd.r.objects.Codec.Decoder.Decode(stored[at:at+int64(c.frame.Stored)], int(c.frame.Length))
		if damage != nil {
			rd.frames.giveUp(c)
			err = fmt.Errorf("read %s: %w", wanted.Pack, damage)
			continue
		}
		rd.frames.settle(c, content, nil)
	}
	return err
}

// fetchRange reads a range while few bytes are requested. The caller calls release when it has used
// them.
func (rd *Reader) fetchRange(ctx context.Context, wanted packs.Range) (stored []byte, release func(), err error) {
	weight := min(maxInFlight, wanted.Length)
	if wanted.Size <= packs.Small {
		weight = wanted.Size
	}
	if err := rd.inFlight.Acquire(ctx, weight); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	release = func() { rd.inFlight.Release(weight) }
	if stored, err = rd.packs.Read(ctx, wanted); err != nil {
		release()
		return nil, nil, err
	}
	return stored, release, nil
}
