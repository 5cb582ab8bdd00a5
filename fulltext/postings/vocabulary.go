package postings

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// vocabulary numbers words. It is a hash table without pointers: a map of Go with strings takes
// twice the time and the memory.
type vocabulary struct {
	seed   maphash.Seed
	slots  []uint32 // the number of a word plus 1, or 0; their number is a power of 2
	hashes []uint32 // by number
	ends   []uint32 // by number: where the word ends in text
	text   []byte
}

const firstSlots = 1 << 12

func newVocabulary() vocabulary {
	return vocabulary{seed: maphash.MakeSeed(), slots: make([]uint32, firstSlots)}
}

// reset forgets all words, and keeps the memory.
func (v *vocabulary) reset() {
	clear(v.slots)
	v.hashes, v.ends, v.text = v.hashes[:0], v.ends[:0], v.text[:0]
}

// word returns the word with a number.
func (v *vocabulary) word(number uint32) []byte {
	begin := uint32(0)
	if number > 0 {
		begin = v.ends[number-1]
	}
	return v.text[begin:v.ends[number]]
}

// number returns the number of a word. A new word gets the next one.
func (v *vocabulary) number(word []byte) uint32 {
	hash := uint32(maphash.Bytes(v.seed, word))
	mask := uint32(len(v.slots) - 1)
	at := hash & mask
	for ; v.slots[at] != 0; at = (at + 1) & mask {
		if n := v.slots[at] - 1; v.hashes[n] == hash && string(v.word(n)) == string(word) {
			return n
		}
	}
	v.hashes = append(v.hashes, hash)
	v.text = append(v.text, word...)
	v.ends = append(v.ends, uint32(len(v.text)))
	n := uint32(len(v.ends))
	v.slots[at] = n
	if int(n) > len(v.slots)/2 {
		v.grow()
	}
	return n - 1
}

func (v *vocabulary) grow() {
	v.slots = make([]uint32, 2*len(v.slots))
	mask := uint32(len(v.slots) - 1)
	for n, hash := range v.hashes {
		at := hash & mask
		for v.slots[at] != 0 {
			at = (at + 1) & mask
		}
		v.slots[at] = uint32(n + 1)
	}
}

// sorted returns the numbers of the words in the order of the words.
func (v *vocabulary) sorted() []uint32 {
	type key struct {
		begin  uint64 // the first bytes of the word, which decide most comparisons
		number uint32
	}
	keys := make([]key, len(v.ends))
	for n := range keys {
		var begin [8]byte
		copy(begin[:], v.word(uint32(n)))
		keys[n] = key{binary.BigEndian.Uint64(begin[:]), uint32(n)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return bytes.Compare(v.word(a.number), v.word(b.number))
	})
	numbers := make([]uint32, len(keys))
	for i := range keys {
		numbers[i] = keys[i].number
	}
	return numbers
}
