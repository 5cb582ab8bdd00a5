package optimal

import (
	"encoding/binary"
	"math/bits"
)

// Limits of the search. More of each finds a little more and takes longer.
const (
	maxDepth  = 64  // places that are compared with one place
	niceMatch = 256 // a match of this length is taken without looking for a cheaper way
	hash4Bits = 20  // at most; a small content has small tables, which are cleared in less time
	hash3Bits = 16
	far3      = 1 << 18 // a match of three bytes that is farther away costs more than its bytes
)

// match says that the content repeats.
type match struct {
	length   uint32
	distance uint32
}

// finder finds earlier places with equal bytes. All places whose first four bytes have one hash are
// a binary tree, ordered by the bytes that follow, with the latest place as the root. A search
// descends along the bytes of the new place, so it meets the longest match, and rebuilds the tree
// with the new place as its root.
type finder struct {
	content []byte
	bits4   uint     // of a hash of four bytes
	heads4  []uint32 // root of the tree, by hash; places are counted from 1; 0 means no place
	heads3  []uint32 // latest place, by the hash of three bytes
	sons    []uint32 // two for each place: the one with smaller bytes, the one with larger bytes
	next    int      // the first place that is in no tree
}

// reset begins a new content.
func (f *finder) reset(content []byte) {
	f.bits4 = min(hash4Bits, max(8, uint(bits.Len(uint(len(content))))))
	if len(f.heads4) < 1<<f.bits4 {
		f.heads4 = make([]uint32, 1<<f.bits4)
	}
	if f.heads3 == nil {
		f.heads3 = make([]uint32, 1<<hash3Bits)
	}
	clear(f.heads4[:1<<f.bits4])
	clear(f.heads3)
	if len(f.sons) < 2*len(content) {
		const step = 1 << 20 // most frames of a lane have nearly one size, so this seldom happens twice
		size := len(content)
		if size > step {
			size = (size + step - 1) / step * step
		}
		f.sons = make([]uint32, 2*size)
	}
	f.content, f.next = content, 0
}

// skip adds the places before at to the trees.
func (f *finder) skip(at int) {
	for f.next < at {
		f.find(f.next, nil)
	}
}

// find adds a place, the next one, to the trees. It appends the matches of the place, each longer
// than the one before, and farther away. None is longer than niceMatch.
func (f *finder) find(at int, found []match) []match {
	f.next = at + 1
	if at+8 > len(f.content) {
		return found
	}
	limit := min(niceMatch, len(f.content)-at)
	word := binary.LittleEndian.Uint32(f.content[at:])
	longest := uint32(minMatch - 1)
	h3 := word << 8 * 506832829 >> (32 - hash3Bits)
	if near := f.heads3[h3]; found != nil && near != 0 && at+1-int(near) < far3 {
		if n := f.equal(int(near)-1, at, 0, limit); n >= minMatch {
			found = append(found, match{n, uint32(at) + 1 - near})
			longest = n
		}
	}
	f.heads3[h3] = uint32(at) + 1

	root := &f.heads4[word*2654435761>>(32-f.bits4)]
	place := *root
	*root = uint32(at) + 1
	smaller, larger := &f.sons[2*at], &f.sons[2*at+1]
	var equalSmaller, equalLarger uint32 // bytes that are equal to all places between
	for depth := maxDepth; place != 0 && depth > 0; depth-- {
		other := int(place) - 1
		n := f.equal(other, at, min(equalSmaller, equalLarger), limit)
		if n > longest {
			longest = n
			if found != nil {
				found = append(found, match{n, uint32(at - other)})
			}
		}
		if int(n) == limit {
			// The new place replaces the other one: what follows is equal for long, or unknown.
			*smaller, *larger = f.sons[2*other], f.sons[2*other+1]
			return found
		}
		if f.content[other+int(n)] < f.content[at+int(n)] {
			*smaller, equalSmaller = place, n
			smaller = &f.sons[2*other+1]
			place = *smaller
		} else {
			*larger, equalLarger = place, n
			larger = &f.sons[2*other]
			place = *larger
		}
	}
	*smaller, *larger = 0, 0
	return found
}

// equal returns how many bytes at two places are equal, of which n are known to be, and at most
// limit. at is the later place.
func (f *finder) equal(other, at int, n uint32, limit int) uint32 {
	a, b := f.content[other+int(n):at+limit], f.content[at+int(n):at+limit]
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if d := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); d != 0 {
			return n + uint32(i+bits.TrailingZeros64(d)/8)
		}
	}
	for ; i < len(b) && a[i] == b[i]; i++ {
	}
	return n + uint32(i)
}
