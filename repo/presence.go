package repo

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// presence remembers which packs the store has listed to this run. An index segment may name a pack that the store has lost,
// and a writer that relied on the pack's chunks would lose mail in every later run.
//
// Most nights meet few chunks that are stored already, so presence lists a pack by name when a chunk in it comes. After as
// many requests as a listing of all packs takes, it lists all packs. So a run makes at most twice the requests it needs.
type presence struct {
	r      *Repo
	single int // number of packs to list by name before listing all
	parts  int // number of listings into which the listing of a folder is divided: 1 or 16

	mu    sync.Mutex
	sizes map[format.Pack]uint64 // as listed; 0 if the store has no such pack
	asked int
	all   bool // all packs were listed

	asking sync.Mutex // held while asking the store, because other goroutines mostly want the same pack
}

// listingPage is the number of objects on a page of a listing. fewSingles and mostSingles bound the number of packs that are
// listed by name.
const (
	listingPage = 1000
	fewSingles  = 2
	mostSingles = 16
)

// undivided is the number of packs up to which a folder is listed by one listing. Each page of a listing waits for the one
// before, so more packs are listed in parts.
const undivided = 2 * listingPage

// newPresence returns an empty presence. packs is the number of packs in the index.
func newPresence(r *Repo, packs int) *presence {
	p := &presence{r: r, single: min(max(fewSingles, packs/listingPage+len(format.PackKinds)), mostSingles), parts: 16, sizes: map[format.Pack]uint64{}}
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

// known reports, without asking the store, whether the store has listed the pack with that size, and whether the answer is
// known.
func (p *presence) known(pack format.Pack, size uint64) (present, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listed, ok := p.sizes[pack]
	return ok && listed == size, ok || p.all
}

// has reports whether the store has listed the pack with that size to this run. It asks the store if necessary.
func (p *presence) has(ctx context.Context, pack format.Pack, size uint64) (bool, error) {
	if present, known := p.known(pack, size); known {
		return present, nil
	}
	p.asking.Lock()
	defer p.asking.Unlock()
	if present, known := p.known(pack, size); known { // another goroutine asked in the meantime
		return present, nil
	}
	if p.asked >= p.single {
		if err := p.listAll(ctx); err != nil {
			return false, err
		}
		present, _ := p.known(pack, size)
		return present, nil
	}
	p.asked++
	present, err := p.r.lists(ctx, pack.String(), int64(size))
	if err != nil {
		return false, err
	}
	listed := uint64(0)
	if present {
		listed = size
	}
	p.add(pack, listed)
	return present, nil
}

// listAll lists all packs. If there are many, it lists several prefixes at once, because one listing of a hundred thousand
// packs takes a hundred requests in a row.
func (p *presence) listAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
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
	for o, err := range p.r.store.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list the packs: %w", err)
		}
		if hash, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); ok {
			p.add(format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}, uint64(o.Size))
		}
	}
	return nil
}
