package repo

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Arc is a part of all packs. Packs lie on a ring, by their hashes; an arc is a stretch of it, so that arcs which follow each
// other miss no pack, whatever is added meanwhile. The zero Arc holds none.
type HashRange struct {
	from, length uint64
	whole        bool
}

// AllPacks is the whole ring.
var AllPacks = HashRange{whole: true}

// RandomArc is a share of the ring, from 0 to 1, somewhere.
func RandomRange(share float64) HashRange { return rangeFrom(rand.Uint64(), share) }

func rangeFrom(from uint64, share float64) HashRange {
	if share >= 1 {
		return HashRange{from: from, whole: true}
	}
	return HashRange{from: from, length: uint64(max(0, share) * math.MaxUint64)}
}

// Holds reports whether a pack lies on the arc.
func (a HashRange) Holds(p format.Pack) bool {
	return a.whole || binary.BigEndian.Uint64(p.Hash[:8])-a.from < a.length
}

// end is where the next arc begins.
func (a HashRange) end() uint64 { return a.from + a.length }
