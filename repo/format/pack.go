package format

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/store"
)

// PackRow is how an index segment describes a pack: enough to fetch one of its frames.
type PackRow struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint8    // 0 data, 1 catalog
	Hash    [32]byte
	Size    uint64 // of the object, as stored
	Head    uint32 // length of the head frame
	Stored  []uint32
	Lengths []uint32
}

// PackKinds are the kinds of packs by their number in an index. Part of the durable format.
var PackKinds = [...]Kind{KindData, KindCatalog}

// PackNumber inverts PackKinds.
func PackNumber(kind Kind) uint8 {
	if kind == KindCatalog {
		return 1
	}
	return 0
}

// Check reports whether a pack can be as the row says. What else an index says is checked when the
// pack is read.
func (p *PackRow) Check() error {
	if int(p.Kind) >= len(PackKinds) {
		return fmt.Errorf("a pack of kind %d: %w", p.Kind, ErrNewer)
	}
	if len(p.Stored) == 0 || len(p.Stored) != len(p.Lengths) {
		return Damaged("pack %x with %d and %d frames", p.Hash, len(p.Stored), len(p.Lengths))
	}
	end := uint64(p.Head)
	for i := range p.Stored {
		if p.Lengths[i] == 0 || p.Lengths[i] > maxFrame {
			return Damaged("pack %x with a frame of %d bytes", p.Hash, p.Lengths[i])
		}
		end += uint64(p.Stored[i])
	}
	if end > p.Size {
		return Damaged("pack %x with frames up to %d in %d bytes", p.Hash, end, p.Size)
	}
	return nil
}

// OpenPack parses a pack and checks its table.
func (c *Codec) OpenPack(r io.ReaderAt, size int64, kind Kind) (*Container, error) {
	object, err := c.open(r, size, kind)
	if err != nil {
		return nil, err
	}
	return object, checkPack(object, kind)
}

func checkPack(c *Container, kind Kind) error {
	if len(c.Table.Salt) != 16 || len(c.Table.Lanes) != len(c.Table.Frames) {
		return Damaged("a pack with %d frames and %d descriptions of frames", len(c.Table.Frames), len(c.Table.Lanes))
	}
	for i, l := range c.Table.Lanes {
		if err := l.check(kind, c.Table.Frames[i].Length); err != nil {
			return fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return nil
}

// DescribePack returns the row of an opened pack.
func DescribePack(c *Container, hash [32]byte, stored int64) PackRow {
	row := PackRow{
		Kind: PackNumber(c.Head.Kind), Hash: hash, Size: uint64(stored),
		Head: uint32(skippableHeader + len(c.rawHead)),
	}
	for _, f := range c.Table.Frames {
		row.Stored = append(row.Stored, f.Stored)
		row.Lengths = append(row.Lengths, f.Length)
	}
	return row
}

// PackEntries yields an entry for each chunk of a pack. It counts the frames of the pack from
// first.
func PackEntries(lanes []LaneRow, first uint32, yield func(Entry)) {
	for i, l := range lanes {
		offset := uint32(0)
		for j, length := range l.Lengths {
			yield(Entry{l.Prefix(j), first + uint32(i), offset, length})
			offset += length
		}
	}
}

// Pack names a pack.
type Pack struct {
	Catalog bool // else data
	Hash    [32]byte
}

// String returns the name of the object.
func (p Pack) String() string {
	if p.Catalog {
		return ObjectName(KindCatalog, p.Hash)
	}
	return ObjectName(KindData, p.Hash)
}

// ParsePack inverts Pack.String.
func ParsePack(name string) (p Pack, ok bool) {
	for _, kind := range PackKinds {
		if rest, found := strings.CutPrefix(name, kind.Folder()); found {
			p.Catalog = kind == KindCatalog
			p.Hash, ok = store.ParseHash(rest)
			return p, ok
		}
	}
	return Pack{}, false
}

// Name returns the name of the pack's object.
func (p *PackRow) Name() string { return p.Pack().String() }

// Pack returns the pack that the row describes.
func (p *PackRow) Pack() Pack { return Pack{Catalog: p.Kind == 1, Hash: p.Hash} }

// Equal reports whether two rows are equal.
func (p *PackRow) Equal(q *PackRow) bool {
	return p.Kind == q.Kind && p.Hash == q.Hash && p.Size == q.Size && p.Head == q.Head &&
		slices.Equal(p.Stored, q.Stored) && slices.Equal(p.Lengths, q.Lengths)
}

// Frame returns frame i, which begins at offset.
func (p *PackRow) Frame(i int, offset uint32) Frame {
	return Frame{Pack: p.Pack(), Size: int64(p.Size), Offset: offset, Stored: p.Stored[i], Length: p.Lengths[i]}
}

// Frame names a frame of a pack, and says where it is. Frames are comparable; Compare orders them
// by their place in the store.
type Frame struct {
	Pack   Pack
	Size   int64  // of the pack, as stored
	Offset uint32 // in its container
	Stored uint32
	Length uint32
}

// Compare orders frames by pack and offset.
func (f Frame) Compare(g Frame) int {
	return cmp.Or(cmp.Compare(f.Pack.String(), g.Pack.String()), cmp.Compare(f.Offset, g.Offset))
}

// End returns where the frame ends in the container.
func (f Frame) End() int64 { return int64(f.Offset) + int64(f.Stored) }
