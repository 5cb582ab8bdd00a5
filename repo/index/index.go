package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Index finds chunks in packs. It may be used by several goroutines at once.
type Index struct {
	o Options

	files *fileSet // segments that were fetched

	refreshing *semaphore.Weighted // held while segments are listed and fetched
	listedAt   time.Time           // when segments were last listed
	described  bool                // packs that no segment describes have described themselves

	mu          sync.RWMutex
	remote      []*remoteSegment     // segments that are read in the store; the slice is never changed in place
	unreadable  map[[32]byte]error   // segments that cannot be read, and why
	undescribed map[format.Pack]bool // packs that were needed and that no segment describes
}

// Options say where an index finds its segments and keeps its files.
type Options struct {
	Store    store.Store
	Codec    *format.Codec
	Identity age.Identity // opens segments; nil if they are not sealed

	Repository Repository

	// Listing is a listing of the segments that has begun, or nil. Open uses it.
	Listing *ahead.Listing
}

// Repository is what an index asks of the repository that it belongs to.
type Repository interface {
	// OpenSegment fetches a segment whole and opens it. The caller calls done.
	OpenSegment(ctx context.Context, o store.Object, hash [32]byte) (s *format.Segment, done func(), err error)

	// EachPack calls use for each pack in the store that the key opens.
	EachPack(ctx context.Context, use func(p format.Pack, size int64) error) error

	// DescribePack reads the table of a pack.
	DescribePack(ctx context.Context, p format.Pack, size int64) (format.PackRow, []format.LaneRow, error)

	// ManifestRead returns when this process last read a manifest.
	ManifestRead() time.Time

	// IndexDir returns the directory for index files, which may change if it cannot be written.
	IndexDir() string

	// WriteCache calls write, which writes to IndexDir, again if it fails with an error of this
	// host.
	WriteCache(write func() error) error
}

// refreshPause is how long a miss is trusted before segments are listed again.
const refreshPause = 30 * time.Second

// Open opens the index files of earlier runs, lists the segments in the store, and fetches new
// ones.
func Open(ctx context.Context, o Options) (*Index, error) {
	x := &Index{
		o: o, files: newFileSet(o.Repository, o.Codec), refreshing: semaphore.NewWeighted(1),
		unreadable: map[[32]byte]error{}, undescribed: map[format.Pack]bool{},
	}
	if err := x.refresh(ctx); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// Packs yields the rows of all packs that the index knows, some of them twice.
func (x *Index) Packs() iter.Seq[*format.PackRow] {
	return func(yield func(*format.PackRow) bool) {
		for _, f := range x.files.snapshot() {
			for i := range f.Packs {
				if !yield(&f.Packs[i]) {
					return
				}
			}
		}
		for _, s := range x.remotes() {
			for i := range s.seg.Packs {
				if !yield(&s.seg.Packs[i]) {
					return
				}
			}
		}
	}
}

// lock waits until no other goroutine lists or fetches segments. The caller releases refreshing.
func (x *Index) lock(ctx context.Context) error {
	if x.refreshing.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// has reports whether a segment needs no fetching: its entries are known, or it cannot be read.
func (x *Index) has(segment [32]byte) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.files.holds(segment) || x.unreadable[segment] != nil ||
		slices.ContainsFunc(x.remote, func(s *remoteSegment) bool { return s.hash == segment })
}

// Close closes the index files.
func (x *Index) Close() { x.files.close() }

// skip records a segment that cannot be read. It is not fetched again, because objects do not
// change.
func (x *Index) skip(segment [32]byte, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unreadable[segment] = err
}

// noteUndescribed records a pack that was needed and that no segment describes.
func (x *Index) noteUndescribed(p format.Pack) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.undescribed[p] = true
}

var errUndescribed = errors.New("it is needed, but no index segment that can be read names it: one is damaged or lost")

// Fault is what is wrong with an object that the index needed.
type Fault struct {
	Object string // its name
	Err    error
}

// Faults returns the segments that could not be read, and the packs that were needed and that no
// segment describes.
func (x *Index) Faults() (all []Fault) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for pack := range x.undescribed {
		all = append(all, Fault{pack.String(), errUndescribed})
	}
	for segment, err := range x.unreadable {
		all = append(all, Fault{format.ObjectName(format.KindIndex, segment), err})
	}
	slices.SortFunc(all, func(a, b Fault) int { return cmp.Compare(a.Object, b.Object) })
	return all
}

// match is one place of a chunk.
type match struct {
	pack *format.PackRow
	n    int    // of the frame in the pack
	at   uint32 // where the frame begins in the container
	format.Entry
	indexed bool // a segment describes the pack, not only the pack itself
}

// find yields every place of a chunk that the index knows, some of them twice.
func (x *Index) find(ctx context.Context, p chunk.Prefix, yield func(match) bool) error {
	return x.retry(ctx, func() (again bool, err error) { return x.search(ctx, p, yield) })
}

// retry repeats a search. If a file is damaged, its segments are fetched again; if a segment
// vanished from the store, the one that it was merged into is fetched. retry gives up after a few
// tries: the disk may damage everything that it writes.
func (x *Index) retry(ctx context.Context, search func() (again bool, err error)) error {
	for try := 0; ; try++ {
		again, err := search()
		if !again {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if try == 2*maxFiles {
			return fmt.Errorf("the index cannot be read, again and again: %w", err)
		}
		if err := x.refresh(ctx); err != nil {
			return err
		}
	}
}

// search searches once, the files first. again: something failed and was discarded, and a refresh
// may help.
func (x *Index) search(ctx context.Context, p chunk.Prefix, yield func(match) bool) (again bool, err error) {
	if again, err := x.loadDue(ctx); again || err != nil {
		return again, err
	}
	remotes := x.remotes() // listed before the files are searched, so that a segment that is fetched in between is seen
	bad, stopped, err := x.files.search([]chunk.Prefix{p}, yield)
	if bad != nil {
		x.files.discard(bad)
		return true, err
	}
	if stopped || len(remotes) == 0 {
		return false, nil
	}
	return x.searchRemotes(ctx, remotes, []chunk.Prefix{p}, yield)
}
