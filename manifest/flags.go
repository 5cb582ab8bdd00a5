package manifest

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// flagPage is the encoding of the flag sets of a page: each distinct set once, in order of first
// use, and for each record the index of its set.
type flagPage struct {
	_     struct{} `cbor:",toarray"`
	Sets  []flagRow
	Index []uint16
}

type flagRow struct {
	_             struct{} `cbor:",toarray"`
	Flags, Labels []string
}

// EncodeFlags returns a flag page: the flag sets of the records of a page, in their order. The
// flags of a set need not be sorted. ParseFlags inverts it.
func EncodeFlags(sets []FlagSet) ([]byte, error) {
	if err := checkCount("records in a page", len(sets), MaxPageRecords); err != nil {
		return nil, err
	}
	if len(sets) == 0 {
		return nil, refuse("a page without records")
	}
	page := flagPage{Index: make([]uint16, len(sets))}
	seen := make(map[string]uint16)
	for i := range sets {
		row, err := sets[i].row()
		if err != nil {
			return nil, err
		}
		key := row.key()
		at, known := seen[key]
		if !known {
			at = uint16(len(page.Sets))
			seen[key] = at
			page.Sets = append(page.Sets, row)
		}
		page.Index[i] = at
	}
	return marshal("flag page", page, MaxChunk)
}

// ParseFlags inverts EncodeFlags. Equal sets share memory, so they are read-only.
func ParseFlags(b []byte) ([]FlagSet, error) {
	var page flagPage
	if err := unmarshal("flag page", decoding, b, &page, MaxChunk); err != nil {
		return nil, err
	}
	if err := checkCount("records in a page", len(page.Index), MaxPageRecords); err != nil {
		return nil, malformed("flag page", err)
	}
	sets := make([]FlagSet, len(page.Index))
	for i, at := range page.Index {
		if int(at) >= len(page.Sets) {
			return nil, malformed("flag page", refuse("set %d of %d", at, len(page.Sets)))
		}
		sets[i] = page.Sets[at].value()
	}
	return canonical("flag page", b, sets, EncodeFlags)
}

// Equal reports whether s and other have the same flags and labels.
func (s FlagSet) Equal(other FlagSet) bool {
	return slices.Equal(sorted(s.Flags), sorted(other.Flags)) && slices.Equal(sorted(s.Labels), sorted(other.Labels))
}

func (s FlagSet) row() (flagRow, error) {
	row := flagRow{Flags: sorted(s.Flags), Labels: sorted(s.Labels)}
	return row, cmp.Or(
		checkList("flags of a message", row.Flags, maxFlags),
		checkList("labels of a message", row.Labels, maxFlags))
}

func (row flagRow) value() FlagSet {
	var set FlagSet
	if len(row.Flags) > 0 {
		set.Flags = mail.Flags(row.Flags)
	}
	if len(row.Labels) > 0 {
		set.Labels = row.Labels
	}
	return set
}

// key returns a string that is different for each set, for any bytes in flags and labels.
func (row flagRow) key() string {
	var key []byte
	for _, list := range [][]string{row.Flags, row.Labels} {
		key = binary.AppendUvarint(key, uint64(len(list)))
		for _, s := range list {
			key = binary.AppendUvarint(key, uint64(len(s)))
			key = append(key, s...)
		}
	}
	return string(key)
}
