package repo

import (
	"context"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/store"
)

// lazyIndex is the index of a repository, which is opened when it is needed first. Its zero value
// is not open.
type lazyIndex struct {
	mu      sync.Mutex
	open    *index.Index  // nil until it is open
	opening chan struct{} // closed when opening succeeds or fails; nil if no goroutine is opening it

	ahead   sync.WaitGroup // of goroutines that PrepareIndex started
	callOff []func()       // calls them off
}

// PrepareIndex begins to open the index, for a command that will look up chunks after it has read
// manifests. Listing and reading it then costs no round trip of its own. If that fails, the first
// lookup tries again. Close calls it off; the end of ctx does not.
func (r *Repo) PrepareIndex(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.index.mu.Lock()
	defer r.index.mu.Unlock()
	r.index.callOff = append(r.index.callOff, cancel)
	r.index.ahead.Go(func() {
		defer cancel()
		_, _ = r.openIndex(ctx)
	})
}

// openIndex returns the index.
func (r *Repo) openIndex(ctx context.Context) (*index.Index, error) {
	lazy := &r.index
	for {
		lazy.mu.Lock()
		if lazy.open != nil {
			defer lazy.mu.Unlock()
			return lazy.open, nil
		}
		opening := lazy.opening
		if opening == nil {
			lazy.opening = make(chan struct{})
			lazy.mu.Unlock()
			x, err := index.Open(ctx, index.Options{
				Store: r.objects.Store, Codec: r.objects.Codec, Identity: r.objects.Seals.Writer, Repository: indexRepository{r},
				Listing: r.early.Take(format.KindIndex.Folder()),
			})
			if err == nil {
				r.dropDeletedPacks(x)
			}
			return lazy.finish(x, err)
		}
		lazy.mu.Unlock()
		select {
		case <-opening: // if that failed, this call tries
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// dropDeletedPacks removes from the cache the packs that the index no longer has: mail that was
// erased or forgotten stays on this host no longer than that.
func (r *Repo) dropDeletedPacks(x *index.Index) {
	if r.objects.Cache == nil || r.objects.Cache.Packs == nil {
		return
	}
	packs := map[format.Pack]bool{}
	for row := range x.Packs() {
		packs[row.Pack()] = true
	}
	r.objects.Cache.Packs.KeepOnly(packs)
}

// finish keeps the index that this goroutine opened, if it could.
func (lazy *lazyIndex) finish(x *index.Index, err error) (*index.Index, error) {
	lazy.mu.Lock()
	defer lazy.mu.Unlock()
	lazy.open = x // nil with an error
	close(lazy.opening)
	lazy.opening = nil
	return x, err
}

// ifOpen returns the index, or nil if it was not needed yet.
func (lazy *lazyIndex) ifOpen() *index.Index {
	lazy.mu.Lock()
	defer lazy.mu.Unlock()
	return lazy.open
}

func (lazy *lazyIndex) close() {
	lazy.stopAhead()
	lazy.mu.Lock()
	defer lazy.mu.Unlock()
	if lazy.open != nil {
		lazy.open.Close()
		lazy.open = nil
	}
}

// stopAhead ends the goroutines that PrepareIndex started.
func (lazy *lazyIndex) stopAhead() {
	lazy.mu.Lock()
	callOff := lazy.callOff
	lazy.mu.Unlock()
	for _, cancel := range callOff {
		cancel()
	}
	lazy.ahead.Wait()
}

// indexRepository is what the index asks of the repository, as index.Repository.
type indexRepository struct{ r *Repo }

func (x indexRepository) IndexDir() string { return x.r.objects.Cache.Indexes() }

func (x indexRepository) WriteCache(write func() error) error { return x.r.objects.Cache.Do(write) }

func (x indexRepository) ManifestRead() time.Time { return time.Unix(0, x.r.manifestRead.Load()) }

func (x indexRepository) OpenSegment(
	ctx context.Context, o store.Object, hash [32]byte,
) (*format.Segment, func(), error) {
	return x.r.objects.OpenSegment(ctx, o, hash)
}

func (x indexRepository) EachPack(ctx context.Context, use func(p format.Pack, size int64) error) error {
	return x.r.objects.EachPack(ctx, func(p format.Pack, o store.Object) error { return use(p, o.Size) })
}

func (x indexRepository) DescribePack(
	ctx context.Context, p format.Pack, size int64,
) (format.PackRow, []format.LaneRow, error) {
	return x.r.objects.DescribePack(ctx, p, size)
}

// IndexProblems names the index segments that could not be read, and the packs that were needed and
// that no other segment names, as far as the index was needed. Backup and restore do without: what
// no segment names is stored again, or found in the packs themselves.
func (r *Repo) IndexProblems() []Problem {
	x := r.index.ifOpen()
	if x == nil {
		return nil
	}
	var all []Problem
	for _, f := range x.Faults() {
		all = append(all, Problem{Kind: Broken, Object: f.Object, Err: f.Err})
	}
	return all
}

// Locate returns where chunks are, in the order of ids, so that the caller can read together what
// is stored together. It looks all of them up at once. It returns ErrNoChunk if one is nowhere.
func (r *Repo) Locate(ctx context.Context, ids []chunk.ID) ([]index.Location, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	return x.Locate(ctx, ids)
}
