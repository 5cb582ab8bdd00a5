package check

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Share is the part of the objects of a repository that one of several hosts checks: the Nth of Of.
// The zero value has all objects. An object is in exactly one share, which depends only on its
// name, so hosts need not know of each other.
type Share struct{ N, Of int }

// Has reports whether the object with a name is in the share: the first 8 bytes of the hash in its
// name, as a big-endian number, modulo Of, are N − 1. Of manifests it is the hash of the account,
// so that all manifests of an account are in one share. What has no hash is in the first share.
func (s Share) Has(name string) bool {
	return s.Of <= 1 || position(name)%uint64(s.Of) == uint64(s.N-1)
}

func position(name string) uint64 {
	if rest, ok := strings.CutPrefix(name, format.KindManifest.Folder()); ok {
		account, _, _ := strings.Cut(rest, "/")
		if hash, err := hex.DecodeString(account); err == nil && len(hash) >= 8 {
			return binary.BigEndian.Uint64(hash)
		}
	}
	hash, _ := store.Hash(name)
	return binary.BigEndian.Uint64(hash[:])
}

// HashRange is a share of all packs: those whose hashes lie in a range. A range may wrap around,
// past the greatest hash to the smallest. Successive ranges miss no pack that exists all the time.
// The zero HashRange holds no pack.
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

// Span returns where the range begins and how long it is, on a ring of 2⁶⁴ positions. The length of
// the range of every pack is the greatest number.
func (r HashRange) Span() (from, length uint64) {
	if r.all {
		return r.from, math.MaxUint64
	}
	return r.from, r.length
}

// end returns where the next range begins.
func (r HashRange) end() uint64 { return r.from + r.length }
