package repo

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/mailstrata/mailstrata/repo/format"
)

// HashRange is a share of all packs: those whose hashes lie in a range. A range may wrap around, past the greatest hash to the
// smallest. Successive ranges miss no pack that exists all the time. The zero HashRange holds no pack.
type HashRange struct {
	from, length uint64 // compared with the first 8 bytes of a hash
	all          bool
}

// AllPacks is the range of every pack.
var AllPacks = HashRange{all: true}

// RandomRange returns a range that holds about a share, from 0 to 1, of all packs.
func RandomRange(share float64) HashRange { return rangeFrom(rand.Uint64(), share) }

func rangeFrom(from uint64, share float64) HashRange {
	if share >= 1 {
		return HashRange{from: from, all: true}
	}
	return HashRange{from: from, length: uint64(max(0, share) * math.MaxUint64)}
}

// Holds reports whether the hash of a pack lies in the range.
func (r HashRange) Holds(p format.Pack) bool {
	return r.all || binary.BigEndian.Uint64(p.Hash[:8])-r.from < r.length
}

// end returns where the next range begins.
func (r HashRange) end() uint64 { return r.from + r.length }
