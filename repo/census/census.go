package census

import (
	"cmp"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// Census records where every chunk lies, which chunks are needed (reached), and what that means for
// each pack. It is a sorted file of the entries of all segments, with a bit in memory for each
// entry: 560 MB of disk and 2.5 MB of memory for twenty million chunks. A chunk has the number of
// its first entry. Reach, Erase and Wanted may be called several times at once.
type Census struct {
	file  *index.File
	packs []*Pack // in the order of file.Packs

	mu      sync.Mutex
	reached []uint64 // bits of needed chunks, by number
	order   *order
	erased  []uint64 // bits of erased chunks; nil if nothing was erased
	buf     []byte
}

// New returns a census of the entries in a file, which it removes when it is closed. indexed names
// the packs that a segment describes. spool makes a temporary file, and reports whether the open
// file still has its name and must be removed.
func New(
	file *index.File, indexed map[format.Pack]bool,
	spool func(pattern string) (f local.File, named bool, err error),
) (*Census, error) {
	o, err := newOrder(spool)
	if err != nil {
		file.Remove()
		return nil, err
	}
	c := &Census{file: file, reached: make([]uint64, file.Count/64+1), order: o, buf: make([]byte, index.BlockSize)}
	for i := range file.Packs {
		c.packs = append(c.packs, &Pack{PackRow: file.Packs[i], indexed: indexed[file.Packs[i].Pack()]})
	}
	return c, nil
}

// Close removes the files.
func (c *Census) Close() {
	c.file.Remove()
	c.order.close()
}

// Count returns the number of entries. The numbers of chunks are below it.
func (c *Census) Count() int64 { return c.file.Count }

// Packs returns the packs in the order of their names.
func (c *Census) Packs() []*Pack {
	all := slices.Clone(c.packs)
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b *Pack) int { return cmp.Compare(a.Name(), b.Name()) }

// Reach records that a chunk is needed, and reports whether that is the first time. If the census
// does not know the chunk, it reports true each time: such a chunk lies in a newer pack, or
// nowhere. Chunks with the same number like, which is not 0, are copied beside each other.
func (c *Census) Reach(id chunk.ID, like uint64) (first bool, err error) {
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

// Erase records that a chunk was erased, and reports whether this is the first time and no root
// needs it. It is called when all that roots need was reached.
func (c *Census) Erase(prefix chunk.Prefix) (first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.erased == nil {
		c.erased = make([]uint64, len(c.reached))
	}
	first = true
	err = c.file.Seek(prefix, c.buf, func(n int64, _ format.Entry) bool {
		bit := uint64(1) << (n % 64)
		first = (c.reached[n/64]|c.erased[n/64])&bit == 0
		c.erased[n/64] |= bit
		return false
	})
	return first, err
}

// Wanted reports whether a chunk of a pack is needed, and is kept there or nowhere. n is the number
// of the chunk.
func (c *Census) Wanted(in *Pack, prefix chunk.Prefix) (n int64, wanted bool, err error) {
	at, err := c.find(prefix)
	if err != nil || !at.reached {
		return 0, false, err
	}
	keeper := c.keptIn(at)
	return at.n, keeper == nil || keeper == in, nil
}

// EachReached calls use for every chunk in the order in which they were reached: with the place in
// that order, the number of the chunk, and like as Reach had it.
func (c *Census) EachReached(use func(place, n int64, like uint64)) error { return c.order.each(use) }
