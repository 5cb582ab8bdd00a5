package repo

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// census records where every chunk lies, which chunks are needed (reached), and what that means for each pack. It is a sorted
// file of the entries of all segments, with a bit in memory for each entry: 560 MB of disk and 2.5 MB of memory for twenty
// million chunks.
type census struct {
	file  *index.File
	packs []*packState // in the order of file.Packs

	mu      sync.Mutex
	reached []uint64 // bits of needed chunks, at the chunk's first entry
	order   *reachOrder
	erased  []uint64 // bits of erased chunks; nil if nothing was erased
	buf     []byte
}

// packState is a pack, with what the store, the condemnations and the roots say about it.
type packState struct {
	format.PackRow
	indexed   bool // a segment describes it, not only the pack itself
	listed    bool // the store lists it with the size in the index
	condemned bool
	newer     bool // it was put after the packs were listed, so this prune leaves it

	entries int // of its chunks in the census

	total  int64 // bytes of its chunks
	kept   int64 // bytes of chunks that are reached and kept in this pack rather than another
	needed int64 // bytes of chunks that are reached and lie in no pack that counts
	erased int64 // bytes of chunks that were erased and are not reached
}

// counts reports whether chunks in the pack count as stored (rule 8). Those in a condemned pack do not.
func (s *packState) counts() bool { return s.listed && s.indexed && !s.condemned }

// newCensus returns a census of all entries of the index, and of those in packs that no segment describes.
func (r *Repo) newCensus(ctx context.Context) (*census, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	f, indexed, err := x.All(ctx)
	if err != nil {
		return nil, err
	}
	order, err := newReachOrder(r.cache)
	if err != nil {
		f.Remove()
		return nil, err
	}
	c := &census{file: f, reached: make([]uint64, f.Count/64+1), order: order, buf: make([]byte, index.BlockSize)}
	for i := range f.Packs {
		c.packs = append(c.packs, &packState{PackRow: f.Packs[i], indexed: indexed[f.Packs[i].Pack()]})
	}
	return c, nil
}

func (c *census) close() {
	c.file.Remove()
	c.order.close()
}

// ordered returns the packs in the order of their names.
func (c *census) ordered() []*packState {
	all := slices.Clone(c.packs)
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b *packState) int { return cmp.Compare(a.Name(), b.Name()) }

// reach records that a chunk is needed, and reports whether that is the first time. If the census does not know the chunk, it reports
// true each time: such a chunk lies in a newer pack, or nowhere.
func (c *census) reach(id chunk.ID, like uint64) (first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = true
	var failed error
	err = c.file.Seek(id.Prefix(), c.buf, func(n int64, _ format.Entry) bool {
		bit := uint64(1) << (n % 64)
		if first = c.reached[n/64]&bit == 0; first {
			failed = c.order.note(n, like)
		}
		c.reached[n/64] |= bit
		return false // the bit of a chunk is that of its first entry
	})
	return first, cmp.Or(err, failed)
}

// places are the entries of one chunk.
type places struct {
	n       int64 // of the first entry
	prefix  chunk.Prefix
	entries []format.Entry
	reached bool
	erased  bool
}

// each yields every chunk with all its places.
func (c *census) each(yield func(*places) error) error {
	var at places
	n := int64(0)
	for e, err := range c.file.All() {
		if err != nil {
			return err
		}
		if len(at.entries) > 0 && e.Prefix != at.prefix {
			if err := yield(&at); err != nil {
				return err
			}
			at.entries = at.entries[:0]
		}
		if len(at.entries) == 0 {
			at.prefix, at.reached = e.Prefix, c.reached[n/64]&(1<<(n%64)) != 0
			at.erased = c.erased != nil && !at.reached && c.erased[n/64]&(1<<(n%64)) != 0
		}
		at.entries = append(at.entries, e)
		n++
	}
	if len(at.entries) == 0 {
		return nil
	}
	return yield(&at)
}

// find returns the places of one chunk.
func (c *census) find(p chunk.Prefix) (*places, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := &places{prefix: p}
	err := c.file.Seek(p, c.buf, func(n int64, e format.Entry) bool {
		if len(at.entries) == 0 {
			at.n, at.reached = n, c.reached[n/64]&(1<<(n%64)) != 0
		}
		at.entries = append(at.entries, e)
		return true
	})
	return at, err
}

func (c *census) pack(e format.Entry) *packState { return c.packs[c.file.PackOf(e)] }

// keptIn returns the pack in which a chunk is kept: the largest of those that count, because small packs are rewritten sooner. Every
// prune on every host chooses the same. It returns nil if no pack counts.
func (c *census) keptIn(at *places) (best *packState) {
	for _, e := range at.entries {
		if s := c.pack(e); s.counts() && (best == nil || s.over(best)) {
			best = s
		}
	}
	return best
}

func (s *packState) over(t *packState) bool {
	if s.Size != t.Size {
		return s.Size > t.Size
	}
	return s.Pack().String() < t.Pack().String()
}

// tally adds up the chunks of each pack, and returns the number of needed chunks that no pack holds.
func (c *census) tally() (lost int64, err error) {
	err = c.each(func(at *places) error {
		keeper, listed := c.keptIn(at), 0
		for i, e := range at.entries {
			s := c.pack(e)
			s.entries++
			if i > 0 && c.pack(at.entries[i-1]) == s {
				continue // the pack holds the chunk twice
			}
			s.total += int64(e.Length)
			if at.erased {
				s.erased += int64(e.Length)
			}
			if s.listed || s.newer {
				listed++
			}
			if s == keeper && at.reached {
				s.kept += int64(e.Length)
			}
		}
		if !at.reached || keeper != nil {
			return nil
		}
		if listed == 0 {
			lost++
		}
		for _, e := range at.entries {
			if s := c.pack(e); s.listed {
				s.needed += int64(e.Length)
			}
		}
		return nil
	})
	return lost, err
}
