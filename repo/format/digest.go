package format

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
)

// PackDigest is a digest of the entries that a segment has for one pack. It does not depend on
// their order. Two segments have the same entries for a pack if and only if the digests are equal.
// Part of the durable format: a merged segment holds them as its proofs.
type PackDigest struct {
	_       struct{} `cbor:",toarray"`
	Entries uint64
	Digest  [32]byte
}

// Add adds an entry, whose frame is counted within the pack. The BLAKE3 hash of the entry's 28
// bytes is added to the digest as four 64-bit numbers, each modulo 2^64.
func (s *PackDigest) Add(p chunk.Prefix, frame, offset, length uint32) {
	var buf [EntrySize]byte
	hash := blake3.Sum256(AppendEntry(buf[:0], Entry{p, frame, offset, length}))
	for i := 0; i < len(hash); i += 8 {
		sum := binary.LittleEndian.Uint64(s.Digest[i:]) + binary.LittleEndian.Uint64(hash[i:])
		binary.LittleEndian.PutUint64(s.Digest[i:], sum)
	}
	s.Entries++
}

// addTo adds an entry of the segment to the digest of its pack.
func (s *Segment) addTo(sums []PackDigest, e Entry) {
	pack := s.owners[e.Frame]
	sums[pack].Add(e.Prefix, e.Frame-s.first[pack], e.Offset, e.Length)
}

// Digests reads and checks all entries, calls use for each if that is not nil, and returns the
// digest of each pack.
func (s *Segment) Digests(use func(Entry) error) (map[Pack]PackDigest, error) {
	sums := make([]PackDigest, len(s.Packs))
	for e, err := range s.Entries() {
		if err == nil && use != nil {
			err = use(e)
		}
		if err != nil {
			return nil, err
		}
		s.addTo(sums, e)
	}
	all := make(map[Pack]PackDigest, len(sums))
	for i, sum := range sums {
		pack := s.Packs[i].Pack()
		if old, ok := all[pack]; ok && old != sum {
			return nil, Damaged("it describes %s twice, and differently", pack)
		}
		all[pack] = sum
	}
	return all, nil
}

// CheckCovers reports whether a merged segment can replace an input, from the digests of both. The
// merged segment may lack packs that are gone.
func CheckCovers(merged, input map[Pack]PackDigest, gone func(Pack) bool) error {
	for pack, want := range input {
		switch got, ok := merged[pack]; {
		case !ok && !gone(pack):
			return fmt.Errorf("%s is not in it", pack)
		case ok && got != want:
			return fmt.Errorf("of %s it has %d entries, and not the same as another segment with %d",
				pack, got.Entries, want.Entries)
		}
	}
	return nil
}
