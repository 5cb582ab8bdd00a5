package format

import (
	"encoding/binary"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/zeebo/blake3"
)

// packSum stands for all that a segment says of where the chunks of one pack lie: how many entries, and a digest that does
// not depend on their order. Two segments say the same of a pack if and only if their sums are equal. Part of the durable
// format.
type PackDigest struct {
	_       struct{} `cbor:",toarray"`
	Entries uint64
	Digest  [32]byte
}

// add adds an entry, with its frame counted in the pack: the BLAKE3 hash of its 28 bytes, as four numbers, each to its like.
func (s *PackDigest) Add(p chunk.Prefix, frame, offset, length uint32) {
	var buf [EntrySize]byte
	hash := blake3.Sum256(AppendEntry(buf[:0], Entry{p, frame, offset, length}))
	for i := 0; i < len(hash); i += 8 {
		sum := binary.LittleEndian.Uint64(s.Digest[i:]) + binary.LittleEndian.Uint64(hash[i:])
		binary.LittleEndian.PutUint64(s.Digest[i:], sum)
	}
	s.Entries++
}

// sum adds an entry of the segment to the sum of its pack.
func (s *Segment) addTo(sums []PackDigest, e Entry) {
	pack := s.owners[e.Frame]
	sums[pack].Add(e.Prefix, e.Frame-s.first[pack], e.Offset, e.Length)
}

// sums are what the segment says of each of its packs. All entries are read and checked for that.
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

// covers reports what is missing where a segment with these sums shall replace another. Packs that are gone may be missing.
func CheckCovers(merged, input map[Pack]PackDigest, gone func(Pack) bool) error {
	for pack, want := range input {
		switch got, ok := merged[pack]; {
		case !ok && !gone(pack):
			return fmt.Errorf("%s is not in it", pack)
		case ok && got != want:
			return fmt.Errorf("of %s it has %d entries, and not the same as another segment with %d", pack, got.Entries, want.Entries)
		}
	}
	return nil
}
