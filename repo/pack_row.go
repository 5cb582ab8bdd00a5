package repo

import (
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/store"
)

// packRow is how an index segment describes a pack: enough to fetch one frame of it.
type packRow struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint8    // 0 data, 1 catalog
	Hash    [32]byte
	Size    uint64 // of the object, as stored
	Head    uint32 // length of the head frame
	Stored  []uint32
	Lengths []uint32
}

// packKinds by their number in an index. Part of the durable format.
var packKinds = [...]Kind{KindData, KindCatalog}

func packNumber(kind Kind) uint8 {
	if kind == KindCatalog {
		return 1
	}
	return 0
}

// check that the row can be of a pack; an index is believed no further than that.
func (p *packRow) check() error {
	if int(p.Kind) >= len(packKinds) {
		return fmt.Errorf("a pack of kind %d: %w", p.Kind, ErrNewer)
	}
	if len(p.Stored) == 0 || len(p.Stored) != len(p.Lengths) {
		return damaged("pack %x with %d and %d frames", p.Hash, len(p.Stored), len(p.Lengths))
	}
	end := uint64(p.Head)
	for i := range p.Stored {
		if p.Lengths[i] == 0 || p.Lengths[i] > maxFrame {
			return damaged("pack %x with a frame of %d bytes", p.Hash, p.Lengths[i])
		}
		end += uint64(p.Stored[i])
	}
	if end > p.Size {
		return damaged("pack %x with frames up to %d in %d bytes", p.Hash, end, p.Size)
	}
	return nil
}

// openPack opens a pack and checks what describes it.
func (c *codec) openPack(r io.ReaderAt, size int64, kind Kind) (*container, error) {
	object, err := c.open(r, size, kind)
	if err != nil {
		return nil, err
	}
	return object, checkPack(object, kind)
}

func checkPack(c *container, kind Kind) error {
	if len(c.table.Salt) != 16 || len(c.table.Lanes) != len(c.table.Frames) {
		return damaged("a pack with %d frames and %d descriptions of frames", len(c.table.Frames), len(c.table.Lanes))
	}
	for i, l := range c.table.Lanes {
		if err := l.check(kind, c.table.Frames[i].Length); err != nil {
			return fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return nil
}

// describePack makes the row of a pack that checkPack found right.
func describePack(c *container, hash [32]byte, stored int64) packRow {
	row := packRow{
		Kind: packNumber(c.head.Kind), Hash: hash, Size: uint64(stored),
		Head: uint32(skippableHeader + len(c.rawHead)),
	}
	for _, f := range c.table.Frames {
		row.Stored = append(row.Stored, f.Stored)
		row.Lengths = append(row.Lengths, f.Length)
	}
	return row
}

// packEntries yields where each chunk of the pack lies; its frames are counted from first.
func packEntries(lanes []laneRow, first uint32, yield func(entry)) {
	for i, l := range lanes {
		offset := uint32(0)
		for j, length := range l.Lengths {
			yield(entry{l.prefix(j), first + uint32(i), offset, length})
			offset += length
		}
	}
}

// Pack names a pack.
type Pack struct {
	Catalog bool // else data
	Hash    [32]byte
}

// String is the name of the object.
func (p Pack) String() string {
	if p.Catalog {
		return objectName(KindCatalog, p.Hash)
	}
	return objectName(KindData, p.Hash)
}

// ParsePack reads the name of a pack's object.
func ParsePack(name string) (p Pack, ok bool) {
	kind, ok := kindOf(name)
	if !ok || kind != KindData && kind != KindCatalog {
		return Pack{}, false
	}
	hash, _ := store.Hash(name)
	return Pack{Catalog: kind == KindCatalog, Hash: hash}, true
}

// name of the pack's object.
func (p *packRow) name() string { return p.pack().String() }

func (p *packRow) pack() Pack { return Pack{Catalog: p.Kind == 1, Hash: p.Hash} }
