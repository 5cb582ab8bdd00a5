package statement

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Condemnation says that packs are to be deleted. No run relies on their chunks from then on.
type Condemnation struct {
	Packs []CondemnedPack   `cbor:"1,keyasint"`
	Ext   format.Extensions `cbor:"63,keyasint,omitempty"`
}

// CondemnedPack is one pack of a condemnation.
type CondemnedPack struct {
	_    struct{} `cbor:",toarray"`
	Kind uint8
	Hash [32]byte
}

func (c CondemnedPack) compare(d CondemnedPack) int {
	if c.Kind != d.Kind {
		return int(c.Kind) - int(d.Kind)
	}
	return bytes.Compare(c.Hash[:], d.Hash[:])
}

// ParseCondemnation parses the payload of a condemnation.
func ParseCondemnation(payload []byte) (*Condemnation, error) {
	c := new(Condemnation)
	if err := format.Decode(payload, c); err != nil {
		return nil, err
	}
	for i, p := range c.Packs {
		if int(p.Kind) >= len(format.PackKinds) {
			return nil, fmt.Errorf("a pack of kind %d: %w", p.Kind, format.ErrNewer)
		}
		if i > 0 && p.compare(c.Packs[i-1]) <= 0 {
			return nil, format.Damaged("the packs do not ascend")
		}
	}
	return c, nil
}

// NewCondemnations returns condemnations of packs, as few as possible.
func NewCondemnations(packs []format.Pack) (all []Condemnation) {
	var rows []CondemnedPack
	for _, p := range packs {
		row := CondemnedPack{Hash: p.Hash}
		if p.Catalog {
			row.Kind = 1
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, CondemnedPack.compare)
	rows = slices.Compact(rows)
	for part := range slices.Chunk(rows, format.MaxElements) {
		all = append(all, Condemnation{Packs: part})
	}
	return all
}

// Condemned maps each condemned pack to the time when it was condemned first.
type Condemned map[format.Pack]time.Time

// Add adds a condemnation that the store got at a time.
func (all Condemned) Add(c *Condemnation, at time.Time) {
	for _, p := range c.Packs {
		pack := format.Pack{Catalog: p.Kind == 1, Hash: p.Hash}
		if since, ok := all[pack]; !ok || at.Before(since) {
			all[pack] = at
		}
	}
}
