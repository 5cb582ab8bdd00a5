package repo

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// presence remembers which packs the store has listed to this run. An index segment may name a pack
// that the store has lost, and a writer that relied on the pack's chunks would lose mail in every
// later run.
//
// Most nights meet few chunks that are stored already, so presence lists a pack by name when a
// chunk in it comes. After as many requests as a listing of all packs takes, it lists all packs. So
// a run makes at most twice the requests it needs.
type presence struct {
	ctx    context.Context // of the requests, which several goroutines may wait for
	r      *Repo
	single int // number of packs to list by name before listing all
	parts  int // number of listings into which the listing of a folder is divided: 1 or 16

	mu      sync.Mutex
	sizes   map[format.Pack]uint64    // as listed; 0 if the store has no such pack
	asked   map[format.Pack]*question // packs that are listed by name, or were
	listing *question                 // of all packs; nil: they are not listed
	all     bool                      // all packs were listed
}

// question is a request to the store. err is set when done is closed.
type question struct {
	done chan struct{}
	err  error
}

func ask(request func() error) *question {
	q := &question{done: make(chan struct{})}
	go func() {
		defer close(q.done)
		q.err = request()
	}()
	return q
}

// listingPage is the number of objects on a page of a listing. fewSingles and mostSingles bound the
// number of packs that are listed by name.
const (
	listingPage = 1000
	fewSingles  = 2
	mostSingles = 16
)

// undivided is the number of packs up to which a folder is listed by one listing. Each page of a
// listing waits for the one before, so more packs are listed in parts.
const undivided = 2 * listingPage

// newPresence returns an empty presence. packs is the number of packs in the index. ctx ends all
// requests.
func newPresence(ctx context.Context, r *Repo, packs int) *presence {
	p := &presence{
		ctx: ctx, r: r, parts: 16, single: min(max(fewSingles, packs/listingPage+len(format.PackKinds)), mostSingles),
		sizes: map[format.Pack]uint64{}, asked: map[format.Pack]*question{},
	}
	if packs <= undivided {
		p.parts = 1
	}
	return p
}

// add records a pack with the size that the store has listed, or 0 if the store does not list it.
func (p *presence) add(pack format.Pack, size uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sizes[pack] = size
}

// known reports, without asking the store, whether the store has listed the pack with that size,
// and whether the answer is known.
func (p *presence) known(pack format.Pack, size uint64) (present, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listed, ok := p.sizes[pack]
	return ok && listed == size, ok || p.all
}

// has reports whether the store has listed the pack with that size to this run. It asks the store
// if necessary. Requests for several packs run at once, and goroutines that want the same pack wait
// for the same request.
func (p *presence) has(ctx context.Context, pack format.Pack, size uint64) (bool, error) {
	if present, known := p.known(pack, size); known {
		return present, nil
	}
	q := p.question(pack, size)
	select {
	case <-q.done:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	present, _ := p.known(pack, size)
	return present, q.err
}

// question returns the request that answers whether the store has a pack.
func (p *presence) question(pack format.Pack, size uint64) *question {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.asked[pack]
	switch {
	case q != nil:
		return q
	case len(p.asked) < p.single:
		q = ask(func() error { return p.listOne(pack, size) })
		p.asked[pack] = q
		return q
	case p.listing == nil:
		p.listing = ask(p.listAll)
	}
	return p.listing
}

// listOne lists a pack by its full name.
func (p *presence) listOne(pack format.Pack, size uint64) error {
	present, err := p.r.objects.Lists(p.ctx, pack.String(), int64(size))
	if err != nil {
		return err
	}
	listed := uint64(0)
	if present {
		listed = size
	}
	p.add(pack, listed)
	return nil
}

// listAll lists all packs. If there are many, it lists several prefixes at once, because one
// listing of a hundred thousand packs takes a hundred requests in a row.
func (p *presence) listAll() error {
	group, ctx := errgroup.WithContext(p.ctx)
	group.SetLimit(2 * 16)
	for _, kind := range format.PackKinds {
		for digit := range p.parts {
			prefix := kind.Folder()
			if p.parts > 1 {
				prefix += hex.EncodeToString([]byte{byte(digit)})[1:]
			}
			group.Go(func() error { return p.listFolder(ctx, kind, prefix) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = true
	return nil
}

func (p *presence) listFolder(ctx context.Context, kind format.Kind, prefix string) error {
	for o, err := range p.r.objects.Store.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list the packs: %w", err)
		}
		if hash, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); ok {
			p.add(format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}, uint64(o.Size))
		}
	}
	return nil
}
