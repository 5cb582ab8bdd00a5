package erase

import (
	"encoding/binary"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// chunks is a set of chunks, by the first eight bytes of their keyed IDs. Two chunks of one
// repository hardly ever agree in these, and a million of them take 8 MB.
type chunks struct {
	ids []uint64
	met map[uint64]struct{} // those that other mail has
}

func newChunks() *chunks { return &chunks{met: make(map[uint64]struct{})} }

func short(id chunk.ID) uint64 { return binary.BigEndian.Uint64(id[:8]) }

func (c *chunks) add(ids []chunk.ID) {
	for _, id := range ids {
		c.ids = append(c.ids, short(id))
	}
}

// sort prepares the set for meets.
func (c *chunks) sort() {
	slices.Sort(c.ids)
	c.ids = slices.Compact(c.ids)
}

// meets reports whether a chunk is in the set and was not passed to meets before.
func (c *chunks) meets(id chunk.ID) bool {
	key := short(id)
	if _, before := c.met[key]; before {
		return false
	}
	if _, ok := slices.BinarySearch(c.ids, key); !ok {
		return false
	}
	c.met[key] = struct{}{}
	return true
}
