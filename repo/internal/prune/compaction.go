package prune

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
)

// compaction stores again the needed chunks of some packs, in the order in which the prune reached
// them (Reach):
//
//	packs ─► scratch file, in any order ─► sorted ─► Writer ─► packs
//
// So what is read together lies together, however many nights it came in, and it compresses better.
type compaction struct {
	*pruner
	w       Writer
	scratch *cache.Scratch
	room    *semaphore.Weighted // bytes of frames in memory

	mu    sync.Mutex
	moved []movedChunk
	done  []*census.Pack
	now   objects.Progress
}

// movedChunk is a chunk in the scratch file.
type movedChunk struct {
	n      int64 // in the census
	at     int64 // in the scratch file
	length uint32
	lane   format.Lane
	place  int64 // in the order of the walk
	group  int64 // the first place of the chunks that are like it
}

// Limits of a compaction.
const (
	// batchContent bounds what is put in order at once: the size of the scratch file.
	batchContent = 512 << 20

	// packsAtOnce is the number of packs that are read at once. decodedAtOnce bounds the bytes of
	// their frames in memory.
	packsAtOnce   = 32
	decodedAtOnce = 32 << 20
)

// batches divides packs so that no batch has more than batchContent to copy, unless it is one pack.
func batches(packs []*census.Pack) (all [][]*census.Pack) {
	var sum int64
	first := 0
	for i, s := range packs {
		if content := s.Wanted(); i > first && sum+content > batchContent {
			all, first, sum = append(all, packs[first:i]), i, 0
		}
		sum += s.Wanted()
	}
	return append(all, packs[first:])
}

// batch copies the chunks of packs. It adds those that it could read completely to c.done.
func (c *compaction) batch(ctx context.Context, packs []*census.Pack) (err error) {
	if c.scratch, err = c.r.Cache.Scratch(); err != nil {
		return err
	}
	defer c.scratch.Close()
	c.moved = c.moved[:0]
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(packsAtOnce)
	for _, s := range packs {
		group.Go(func() error { return c.take(groupCtx, s) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := c.sort(); err != nil {
		return err
	}
	return c.put(ctx)
}

// take reads a pack into the scratch file. A pack that cannot be read is reported, and stays as it
// is.
func (c *compaction) take(ctx context.Context, s *census.Pack) error {
	chunks, err := c.read(ctx, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.moved, c.done = append(c.moved, chunks...), append(c.done, s)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !objects.Concerns(err):
		return fmt.Errorf("copy from %s: %w", s.Name(), err)
	default:
		c.report.Unread++
		c.leave(s.Name(), err)
	}
	c.now.Done, c.now.Bytes = c.now.Done+1, c.now.Bytes+int64(s.Size)
	c.step(c.now)
	return nil
}

func (c *compaction) read(ctx context.Context, s *census.Pack) ([]movedChunk, error) {
	weight := min(decodedAtOnce, int64(slices.Max(s.Lengths))+int64(slices.Max(s.Stored)))
	if err := c.room.Acquire(ctx, weight); err != nil {
		return nil, context.Cause(ctx)
	}
	defer c.room.Release(weight)
	pack, err := openPack(ctx, c.r, s)
	if err != nil {
		return nil, err
	}
	defer pack.close()
	var all []movedChunk
	for i := range pack.frames {
		chunks, err := c.readFrame(ctx, pack, s, i)
		if err != nil {
			return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(pack.frames), err)
		}
		all = append(all, chunks...)
	}
	return all, nil
}

// readFrame copies the wanted chunks of a frame to the scratch file.
func (c *compaction) readFrame(
	ctx context.Context, pack *openedPack, s *census.Pack, i int,
) (moved []movedChunk, err error) {
	var content []byte
	f := &pack.frames[i]
	for _, d := range f.Chunks {
		n, wanted, err := c.census.Wanted(s, d.Prefix)
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		if content == nil {
			if content, err = pack.frame(ctx, i); err != nil {
				return nil, err
			}
		}
		data := content[d.Offset:][:d.Length]
		if c.r.ChunkID(data).Prefix() != d.Prefix {
			return nil, format.Damaged("its bytes do not hash to the ID of chunk %s", d.Prefix)
		}
		at, err := c.store(data)
		if err != nil {
			return nil, err
		}
		moved = append(moved, movedChunk{n: n, at: at, length: d.Length, lane: f.Lane})
	}
	return moved, nil
}

func (c *compaction) store(data []byte) (at int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.scratch.Add(data)
}

// sort puts the chunks in order: by lane, then as the walk reached them, those that are like each
// other together.
func (c *compaction) sort() error {
	slices.SortFunc(c.moved, func(a, b movedChunk) int { return cmp.Compare(a.n, b.n) })
	here := make([]uint64, c.census.Count()/64+1)
	for i := range c.moved {
		here[c.moved[i].n/64] |= 1 << (c.moved[i].n % 64)
	}
	first := map[uint64]int64{}
	err := c.census.EachReached(func(at, n int64, like uint64) {
		if here[n/64]&(1<<(n%64)) == 0 {
			return
		}
		group := at
		if like != 0 {
			if known, ok := first[like]; ok {
				group = known
			} else {
				first[like] = at
			}
		}
		i, _ := slices.BinarySearchFunc(c.moved, n, func(m movedChunk, n int64) int { return cmp.Compare(m.n, n) })
		for ; i < len(c.moved) && c.moved[i].n == n; i++ {
			c.moved[i].place, c.moved[i].group = at, group
		}
	})
	slices.SortFunc(c.moved, func(a, b movedChunk) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.group, b.group), cmp.Compare(a.place, b.place))
	})
	return err
}

// put passes the chunks to the writer. One that a run has stored in another pack in the meantime is
// not stored again.
func (c *compaction) put(ctx context.Context) error {
	buf := make([]byte, chunk.Max)
	for _, m := range c.moved {
		data := buf[:m.length]
		if err := c.scratch.Read(m.at, data); err != nil {
			return err
		}
		if _, _, err := c.w.Put(ctx, m.lane, data); err != nil {
			return err
		}
	}
	return nil
}
