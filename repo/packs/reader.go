package packs

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"

	"filippo.io/age"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Small is the size up to which a pack is fetched whole. A request of 50 ms takes as long as 256 KiB at 40 Mbit/s.
const Small = 256 << 10

// maxOpened bounds the bytes that a Reader keeps of packs: 70 KiB of a large one, and a small one whole.
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
	kind := format.KindData
	if rg.Pack.Catalog {
		kind = format.KindCatalog
	}
	id, err := r.o.Identity(kind)
	switch {
	case err != nil:
		return nil, err
	case rg.Offset < 0 || rg.Length <= 0 || rg.Offset+rg.Length > rg.Size:
		return nil, format.Damaged("a range from %d to %d in a pack of %d bytes", rg.Offset, rg.Offset+rg.Length, rg.Size)
	case rg.Size <= Small:
		return r.readSmall(ctx, rg, id)
	case id == nil:
		return object.ReadRange(ctx, r.o.Store, rg.Pack.String(), rg.Size, rg.Offset, rg.Length)
	}
	return r.readSealed(ctx, rg, id)
}

// Forget drops what is known of a pack, because it came from other bytes.
func (r *Reader) Forget(p format.Pack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.packs[p]; o != nil {
		r.remove(o)
	}
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

// count counts the bytes of a pack, and drops the packs that were not used for longest. The caller holds mu.
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
