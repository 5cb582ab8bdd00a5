package index

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Each run adds a segment, most of them of a few KB. A host that is new, or was off for a while,
// fetches many of them at once, and writes one file of all.
const (
	fetchers      = 128     // the Store limits how many requests it makes at once
	fetchedAtOnce = 8 << 20 // bytes under way
	batchBytes    = 4 << 20 // entries in memory, before they are written
)

// fetchAll fetches segments, or the tables of large ones. It skips a segment that cannot be read:
// the packs themselves say what it says.
func (x *Index) fetchAll(ctx context.Context, segments []listedObject, last bool) (err error) {
	small := &batch{files: x.files}
	defer func() { err = cmp.Or(err, small.write()) }() // what was fetched stays, even if others cannot be
	inFlight := semaphore.NewWeighted(fetchedAtOnce)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	for _, s := range segments {
		group.Go(func() error {
			if s.Size > wholeSize {
				return x.skipUnreadable(s, x.openRemote(ctx, s), last)
			}
			if inFlight.Acquire(ctx, s.Size) != nil {
				return context.Cause(ctx)
			}
			f, err := x.fetchSmall(ctx, s)
			inFlight.Release(s.Size)
			if err != nil {
				return x.skipUnreadable(s, err, last)
			}
			return small.add(f)
		})
	}
	return group.Wait()
}

// fetchSmall makes a file in memory of a segment.
func (x *Index) fetchSmall(ctx context.Context, s listedObject) (*File, error) {
	seg, done, err := x.o.Repository.OpenSegment(ctx, s.Object, s.hash)
	if err != nil {
		return nil, err
	}
	defer done()
	return memoryFile(seg, s.hash)
}

// fetch makes a file of a segment of any size.
func (x *Index) fetch(ctx context.Context, s listedObject) error {
	seg, done, err := x.o.Repository.OpenSegment(ctx, s.Object, s.hash)
	if err != nil {
		return err
	}
	defer done()
	return x.o.Repository.WriteCache(func() error { return x.files.writeSegment(seg, s.hash) })
}

// memoryFile returns a file of a segment that has no name and is in memory whole.
func memoryFile(seg *format.Segment, hash [32]byte) (*File, error) {
	f := &File{segments: [][32]byte{hash}, inputs: seg.Inputs()}
	for e, err := range seg.Entries() {
		if err != nil {
			return nil, err
		}
		if f.Count%fileBlock == 0 {
			f.blocks = append(f.blocks, fileBlockRow{first: prefixStart(e.Prefix)})
		}
		f.whole = format.AppendEntry(f.whole, e)
		f.Count++
	}
	for _, p := range seg.Packs {
		f.addPack(p)
	}
	return f, nil
}

// batch collects files in memory that are written as one.
type batch struct {
	files *fileSet

	mu     sync.Mutex
	parts  []*File
	length int
}

// add adds a file. It writes what it has if that is much.
func (b *batch) add(f *File) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts, b.length = append(b.parts, f), b.length+len(f.whole)
	if b.length < batchBytes {
		return nil
	}
	return b.writeLocked()
}

func (b *batch) write() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writeLocked()
}

// writeLocked is write for a caller that holds mu.
func (b *batch) writeLocked() error {
	if len(b.parts) == 0 {
		return nil
	}
	slices.SortFunc(b.parts, func(a, b *File) int { return slices.Compare(a.segments[0][:], b.segments[0][:]) })
	err := b.files.writeMerged(b.parts)
	b.parts, b.length = nil, 0
	return err
}
