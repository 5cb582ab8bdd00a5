package index

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/ranges"
	"github.com/mailstrata/mailstrata/repo/store"
)

// A host without a cache that reads one message should not fetch an index of millions of chunks. So
// of a large segment it reads the table first; a lookup then fetches one block. Once lookups have
// cost as much as the segment, it is fetched. So no host fetches more than twice the size of a
// segment.

// requestCost is the cost of a request in bytes: at 50 MB/s a request takes as long as a MiB.
const requestCost = 1 << 20

// wholeSize is the size up to which a segment is fetched whole. A lookup in a remote one takes two
// round trips with some 200 KiB each, its ends and then a block, and the next run begins again.
const wholeSize = requestCost + 2*200<<10

// remoteSegment is a segment that is searched in the store.
type remoteSegment struct {
	listedObject
	inputs [][32]byte // segments that it replaces
	seg    *format.Segment
	ends   []ranges.Part // what age reads each time: the header and the last piece

	mu    sync.Mutex
	known map[inBlock][]format.Entry // what was looked up; bounded by cost
	cost  int64
}

// inBlock is a prefix that was looked for in a block.
type inBlock struct {
	block  int
	prefix chunk.Prefix
}

// blockFetchers is the number of blocks that are fetched at once, of up to 200 KB each.
const blockFetchers = 32

// openRemote reads the table of a segment and adds it to the remote ones.
func (x *Index) openRemote(ctx context.Context, s listedObject) error {
	src, err := ranges.OpenReader(ctx, x.o.Store, s.Object)
	if err != nil {
		return err
	}
	plain, size, err := format.UnsealAt(src, s.Size, x.o.Identity)
	if err != nil {
		return format.CauseOf(err)
	}
	seg, err := x.o.Codec.OpenSegment(plain, size)
	if err != nil {
		return format.CauseOf(err)
	}
	seg.Detach()
	remote := &remoteSegment{listedObject: s, inputs: seg.Inputs(), seg: seg, known: map[inBlock][]format.Entry{}}
	if x.o.Identity != nil {
		remote.ends = src.Ends()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remote = append(slices.Clip(x.remote), remote)
	return nil
}

func (x *Index) remotes() []*remoteSegment {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.remote
}

// dropRemotes removes remote segments.
func (x *Index) dropRemotes(which func(*remoteSegment) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remote = slices.DeleteFunc(slices.Clone(x.remote), which)
}

// searchRemotes searches the segments for ascending prefixes, all blocks at once. It skips a
// damaged segment. again: one has vanished, so a refresh is needed.
func (x *Index) searchRemotes(
	ctx context.Context, remotes []*remoteSegment, prefixes []chunk.Prefix, yield func(match) bool,
) (again bool, err error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(blockFetchers)
	for _, s := range remotes {
		for i, ofBlock := range s.wanted(prefixes) {
			group.Go(func() error { return x.skipUnreadableRemote(s, s.readBlock(groupCtx, x.o, i, ofBlock)) })
		}
	}
	if err := group.Wait(); err != nil {
		return errors.Is(err, store.ErrNotExist), err
	}
	for _, s := range remotes {
		for _, m := range s.matches(prefixes) {
			if !yield(m) {
				return false, nil
			}
		}
	}
	return false, nil
}

// skipUnreadableRemote is skipUnreadable for a remote segment. It also removes the segment.
func (x *Index) skipUnreadableRemote(s *remoteSegment, err error) error {
	if err == nil {
		return nil
	}
	err = x.skipUnreadable(s.listedObject, err, false)
	if err == nil || errors.Is(err, store.ErrNotExist) {
		x.dropRemotes(func(other *remoteSegment) bool { return other == s })
	}
	return err
}

// blocksOf returns the blocks that may hold a prefix.
func (s *remoteSegment) blocksOf(p chunk.Prefix) (from, to int) {
	blocks := s.seg.Blocks()
	first := func(i int) int { return chunk.Prefix(blocks[i].First).Compare(p) }
	// The first block that begins with p or after it may be preceded by one that holds p in its
	// middle.
	from = max(sort.Search(len(blocks), func(i int) bool { return first(i) >= 0 })-1, 0)
	for to = from; to < len(blocks) && first(to) <= 0; to++ {
	}
	return from, to
}

// wanted returns the blocks that must be read to find prefixes, and which of them each may hold.
func (s *remoteSegment) wanted(prefixes []chunk.Prefix) map[int][]chunk.Prefix {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[int][]chunk.Prefix{}
	for _, p := range prefixes {
		from, to := s.blocksOf(p)
		for i := from; i < to; i++ {
			if _, known := s.known[inBlock{i, p}]; !known {
				wanted[i] = append(wanted[i], p)
			}
		}
	}
	return wanted
}

// dueAfter reports whether lookups have cost as much as the segment once these prefixes are found.
func (s *remoteSegment) dueAfter(prefixes []chunk.Prefix) bool {
	blocks := int64(len(s.wanted(prefixes)))
	s.mu.Lock()
	defer s.mu.Unlock()
	return blocks > 1 && s.cost+blocks*requestCost >= s.Size
}

// readBlock reads a block and keeps what it has of prefixes.
func (s *remoteSegment) readBlock(ctx context.Context, o Options, i int, prefixes []chunk.Prefix) error {
	block, err := s.block(ctx, o, i)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range prefixes {
		at, _ := slices.BinarySearchFunc(block, p, func(e format.Entry, p chunk.Prefix) int { return e.Prefix.Compare(p) })
		end := at
		for end < len(block) && block[end].Prefix == p {
			end++
		}
		s.known[inBlock{i, p}] = slices.Clone(block[at:end])
	}
	return nil
}

// matches returns what the blocks that were read hold of prefixes.
func (s *remoteSegment) matches(prefixes []chunk.Prefix) (all []match) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range prefixes {
		from, to := s.blocksOf(p)
		for i := from; i < to; i++ {
			for _, e := range s.known[inBlock{i, p}] {
				all = append(all, s.toMatch(e))
			}
		}
	}
	return all
}

// block fetches and checks a block.
func (s *remoteSegment) block(ctx context.Context, o Options, i int) ([]format.Entry, error) {
	// A block has 4,096 entries of 28 bytes, which hardly compress: it touches at most three of
	// age's pieces.
	piece := int64(1)
	if o.Identity != nil {
		piece = 3 * (format.AgePiece + format.AgeOverhead)
	}
	src := ranges.NewReader(ctx, o.Store, s.Object, piece)
	src.Parts = slices.Clip(s.ends)
	plain, _, err := format.UnsealAt(src, s.Size, o.Identity)
	if err != nil {
		return nil, format.CauseOf(err)
	}
	block, err := s.seg.BlockFrom(plain, i)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost += requestCost + src.Fetched
	return block, format.CauseOf(err)
}

func (s *remoteSegment) toMatch(e format.Entry) match {
	row, n := s.seg.Frame(e)
	at := row.Head
	for _, stored := range row.Stored[:n] {
		at += stored
	}
	return match{row, n, at, e, true}
}

// due reports whether lookups have cost as much as the segment.
func (s *remoteSegment) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cost >= s.Size
}

// loadDue fetches the segments that are due.
func (x *Index) loadDue(ctx context.Context) (again bool, err error) {
	if !slices.ContainsFunc(x.remotes(), (*remoteSegment).due) {
		return false, nil
	}
	return x.fetchRemotes(ctx, (*remoteSegment).due)
}

// LoadAll fetches every segment.
func (x *Index) LoadAll(ctx context.Context) error {
	for range maxListings {
		if err := x.refresh(ctx); err != nil {
			return err
		}
		again, err := x.fetchRemotes(ctx, func(*remoteSegment) bool { return true })
		if !again {
			return err
		}
	}
	return errUnsettled
}

// wholeFetchers is the number of large segments that are fetched whole at once, each into a file.
const wholeFetchers = 8

// fetchRemotes makes files of remote segments. again: a segment has vanished or a file was damaged,
// so a refresh is needed.
func (x *Index) fetchRemotes(ctx context.Context, which func(*remoteSegment) bool) (again bool, err error) {
	if err := x.lock(ctx); err != nil {
		return false, err
	}
	defer x.refreshing.Release(1)
	var wanted []*remoteSegment
	for _, s := range x.remotes() { // another goroutine may have fetched some
		if which(s) {
			wanted = append(wanted, s)
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(wholeFetchers)
	for _, s := range wanted {
		group.Go(func() error {
			err := x.skipUnreadableRemote(s, x.fetch(groupCtx, s.listedObject))
			if err == nil {
				x.dropRemotes(func(other *remoteSegment) bool { return other == s })
			}
			return err
		})
	}
	err = group.Wait()
	good := x.files.compact()
	if err != nil {
		return errors.Is(err, store.ErrNotExist), err
	}
	return !good, nil
}
