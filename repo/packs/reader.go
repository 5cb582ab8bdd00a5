package packs

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"filippo.io/age"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
	"github.com/mailstrata/mailstrata/repo/ranges"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Small is the size up to which a pack is fetched whole. A request of 50 ms takes as long as 256
// KiB at 40 Mbit/s.
const Small = 256 << 10

// maxOpened bounds the bytes that a Reader keeps of packs: 70 KiB of a large one, and a small one
// whole.
const maxOpened = 4 << 20

// Range is a range of the container in a pack.
type Range struct {
	Pack           format.Pack
	Size           int64 // of the pack as it is stored
	Offset, Length int64 // in the container
}

// Options say where a Reader finds packs.
type Options struct {
	Store store.Store

	// Identity returns what opens objects of a kind, or nil if they are not sealed.
	Identity func(format.Kind) (age.Identity, error)

	// Key returns what seals that which this host keeps of packs of a kind, or nil.
	Key func(format.Kind) *localseal.Key

	// Cache returns where packs of a kind are kept on this host, or nil.
	Cache func(format.Kind) *Cache
}

// Reader reads ranges of packs. Several goroutines may use it.
type Reader struct {
	o Options

	mu     sync.Mutex
	packs  map[format.Pack]*opened
	recent list.List // of *opened, the last used first
	size   int64     // bytes that are kept of them
}

// openedCost is what a pack takes that was not opened yet.
const openedCost = 1 << 10

// opened is a pack, and what is kept of it.
type opened struct {
	pack format.Pack
	turn *semaphore.Weighted // held while the pack is being opened

	whole  []byte                 // the container of a small pack
	sealed atomic.Pointer[sealed] // a large one, when it is open

	element *list.Element
	kept    int64
}

// NewReader returns a Reader.
func NewReader(o Options) *Reader {
	return &Reader{o: o, packs: map[format.Pack]*opened{}}
}

// Read reads a range. With an error it returns the bytes before the damage, if there are some.
func (r *Reader) Read(ctx context.Context, rg Range) ([]byte, error) {
	id, err := r.o.Identity(kindOf(rg.Pack))
	switch {
	case err != nil:
		return nil, err
	case rg.Offset < 0 || rg.Length <= 0 || rg.Offset+rg.Length > rg.Size:
		return nil, format.Damaged("a range from %d to %d in a pack of %d bytes",
			rg.Offset, rg.Offset+rg.Length, rg.Size)
	case rg.Size <= Small:
		return r.readSmall(ctx, rg, id)
	case id == nil:
		return r.readUnsealed(ctx, rg)
	}
	data, err := r.readSealed(ctx, rg, id)
	if errors.Is(err, format.ErrDamaged) && r.Forget(rg.Pack) {
		return r.readSealed(ctx, rg, id) // what is kept on this host may be damaged
	}
	return data, err
}

// readUnsealed reads a range of a large pack that is not sealed.
func (r *Reader) readUnsealed(ctx context.Context, rg Range) ([]byte, error) {
	cache := r.cache(rg.Pack)
	data, cached := cache.part(rg.Pack, span{rg.Offset, rg.Offset + rg.Length})
	if cached {
		return data, nil
	}
	data, err := ranges.Read(ctx, r.o.Store, rg.Pack.String(), rg.Size, rg.Offset, rg.Length)
	if err == nil {
		cache.keep(rg.Pack, rg.Offset, data)
	}
	return data, err
}

func kindOf(p format.Pack) format.Kind {
	if p.Catalog {
		return format.KindCatalog
	}
	return format.KindData
}

// cache returns where a pack is kept on this host, or nil.
func (r *Reader) cache(p format.Pack) *Cache {
	if r.o.Cache == nil {
		return nil
	}
	return r.o.Cache(kindOf(p))
}

// key returns what seals what is kept of a pack, or nil.
func (r *Reader) key(p format.Pack) *localseal.Key {
	if r.o.Key == nil {
		return nil
	}
	return r.o.Key(kindOf(p))
}

// Cached reports whether a range is kept on this host, so that Read needs no request.
func (r *Reader) Cached(rg Range) bool {
	cache := r.cache(rg.Pack)
	if cache == nil {
		return false
	}
	id, err := r.o.Identity(kindOf(rg.Pack))
	switch {
	case err != nil:
		return false
	case rg.Size <= Small:
		return cache.holdsWhole(rg)
	case id == nil:
		return cache.holds(rg.Pack, span{rg.Offset, rg.Offset + rg.Length})
	}
	payload := cache.start(rg.Pack)
	return payload > 0 && cache.holds(rg.Pack, lastPiece(rg)) && cache.holds(rg.Pack, piecesOf(rg, payload))
}

// Forget drops what is known of a pack, because it is damaged or came from other bytes. It reports
// whether this host kept a part of the pack.
func (r *Reader) Forget(p format.Pack) (kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.packs[p]; o != nil {
		r.remove(o)
	}
	return r.cache(p).drop(p)
}

// get returns a pack, which may not be opened yet.
func (r *Reader) get(rg Range) *opened {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.packs[rg.Pack]
	if o != nil {
		r.recent.MoveToFront(o.element)
		return o
	}
	o = &opened{pack: rg.Pack, turn: semaphore.NewWeighted(1)}
	o.element = r.recent.PushFront(o)
	r.packs[rg.Pack] = o
	r.count(o, openedCost)
	return o
}

// keep counts the bytes that are kept of a pack from now on.
func (r *Reader) keep(o *opened, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.packs[o.pack] == o {
		r.count(o, openedCost+int64(bytes))
	}
}

// count counts the bytes of a pack, and drops the packs that were not used for longest. The caller
// holds mu.
func (r *Reader) count(o *opened, bytes int64) {
	r.size += bytes - o.kept
	o.kept = bytes
	for r.size > maxOpened && r.recent.Len() > 1 {
		r.remove(r.recent.Back().Value.(*opened))
	}
}

func (r *Reader) remove(o *opened) {
	r.recent.Remove(o.element)
	delete(r.packs, o.pack)
	r.size -= o.kept
}
