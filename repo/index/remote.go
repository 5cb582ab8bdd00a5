package index

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// A host without a cache that wants one message must not fetch an index of millions of chunks. So of a large segment only
// the table is read at first; a lookup then takes one block. When lookups have cost as much as the segment would, it is
// fetched: whoever needs little pays little, and nobody pays more than twice.

// requestCost is how many bytes a request is worth: on a line of 50 MB/s one takes as long as a MiB. Segments that are
// smaller are fetched at once.
const requestCost = 1 << 20

// remoteSegment is a segment that is looked into where it is.
type remoteSegment struct {
	listedObject
	inputs [][32]byte // segments that it replaces
	seg    *format.Segment
	ends   []object.Part // what age asks for each time: the header, and the last piece

	mu    sync.Mutex
	known map[chunk.Prefix][]format.Entry // what was looked up; as bounded as the cost
	cost  int64
}

// openRemote reads the table of a segment.
func (x *Index) openRemote(ctx context.Context, s listedObject) error {
	src := object.NewReader(ctx, x.Store, s.Object, 0)
	plain, size, err := format.UnsealAt(src, s.Size, x.Identity)
	if err != nil {
		return format.CauseOf(err)
	}
	seg, err := x.Codec.OpenSegment(plain, size)
	if err != nil {
		return format.CauseOf(err)
	}
	seg.Detach()
	remote := &remoteSegment{listedObject: s, inputs: seg.Inputs(), seg: seg, known: map[chunk.Prefix][]format.Entry{}}
	if x.Identity != nil {
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

// dropRemotes takes segments out of use.
func (x *Index) dropRemotes(which func(*remoteSegment) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remote = slices.DeleteFunc(slices.Clone(x.remote), which)
}

func (x *Index) dropUnlisted(listed map[[32]byte]bool) {
	x.dropRemotes(func(s *remoteSegment) bool { return !listed[s.hash] })
}

// searchRemotes looks into the segments, all at once. One that is damaged is done without, one that is gone is to be looked
// for among those that are there now.
func (x *Index) searchRemotes(ctx context.Context, remotes []*remoteSegment, p chunk.Prefix, yield func(match) bool) (again bool, err error) {
	entries := make([][]format.Entry, len(remotes))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	for i, s := range remotes {
		group.Go(func() (err error) {
			entries[i], err = s.entries(groupCtx, x.Options, p)
			return x.skipUnreadableRemote(s, err)
		})
	}
	if err := group.Wait(); err != nil {
		return errors.Is(err, store.ErrNotExist), err
	}
	for i, s := range remotes {
		for _, e := range entries[i] {
			if !yield(s.match(e)) {
				return false, nil
			}
		}
	}
	return false, nil
}

// outcomeRemote is outcome for a segment in use: if it cannot be read, it is so no more.
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

// find is every entry of a prefix.
func (s *remoteSegment) entries(ctx context.Context, o Options, p chunk.Prefix) (all []format.Entry, err error) {
	s.mu.Lock()
	all, known := s.known[p]
	s.mu.Unlock()
	if known {
		return all, nil
	}
	blocks := s.seg.Blocks()
	first := func(i int) int { return chunk.Prefix(blocks[i].First).Compare(p) }
	// The first block that begins with p or after it may be preceded by one that holds p in its middle.
	i := max(sort.Search(len(blocks), func(i int) bool { return first(i) >= 0 })-1, 0)
	for ; i < len(blocks) && first(i) <= 0; i++ {
		block, err := s.block(ctx, o, i)
		if err != nil {
			return nil, err
		}
		at, _ := slices.BinarySearchFunc(block, p, func(e format.Entry, p chunk.Prefix) int { return e.Prefix.Compare(p) })
		for ; at < len(block) && block[at].Prefix == p; at++ {
			all = append(all, block[at])
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[p] = all
	return all, nil
}

// block fetches and checks a block.
func (s *remoteSegment) block(ctx context.Context, o Options, i int) ([]format.Entry, error) {
	// A block of 28 bytes an entry, which hardly compress, touches three of age's pieces at the most.
	piece := int64(1)
	if o.Identity != nil {
		piece = 3 * (format.AgePiece + format.AgeOverhead)
	}
	src := object.NewReader(ctx, o.Store, s.Object, piece)
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

func (s *remoteSegment) match(e format.Entry) match {
	row, n := s.seg.Frame(e)
	at := row.Head
	for _, stored := range row.Stored[:n] {
		at += stored
	}
	return match{row, n, at, e, true}
}

func (s *remoteSegment) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cost >= s.Size
}

// loadDue fetches the segments that have cost enough.
func (x *Index) loadDue(ctx context.Context) (again bool, err error) {
	if !slices.ContainsFunc(x.remotes(), (*remoteSegment).due) {
		return false, nil
	}
	return x.load(ctx, (*remoteSegment).due)
}

// loadAll fetches all that is there and was not fetched: for whoever needs the index whole.
func (x *Index) Load(ctx context.Context) error {
	for range maxListings {
		if err := x.refresh(ctx); err != nil {
			return err
		}
		again, err := x.load(ctx, func(*remoteSegment) bool { return true })
		if !again {
			return err
		}
	}
	return errUnsettled
}

// load makes files of segments. again: something must be looked for anew.
func (x *Index) load(ctx context.Context, which func(*remoteSegment) bool) (again bool, err error) {
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	var wanted []*remoteSegment
	for _, s := range x.remotes() { // which another may have fetched meanwhile
		if which(s) {
			wanted = append(wanted, s)
		}
	}
	whole := true
	for some := range slices.Chunk(wanted, fetchedTogether) {
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(fetchers)
		for _, s := range some {
			group.Go(func() error {
				err := x.skipUnreadableRemote(s, x.fetch(groupCtx, s.listedObject))
				if err == nil {
					x.dropRemotes(func(other *remoteSegment) bool { return other == s })
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return errors.Is(err, store.ErrNotExist), err
		}
		whole = x.compact() && whole
	}
	return !whole, nil
}
