package repo

import (
	"crypto/rand"
	"fmt"
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

func (p *packRow) name() string { return objectName(packKinds[p.Kind], p.Hash) }

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

// pack is one that is being built in a spool.
type pack struct {
	kind   Kind
	spool  *spool
	writer *containerWriter
	lanes  []laneRow
	chunks int
	table  int // bytes of the encoded table so far, a little overestimated
}

func newPack(r *Repo, kind Kind) (*pack, error) {
	s, err := newSpool(r.cache, r.seals.recipients(kind))
	if err != nil {
		return nil, err
	}
	w, err := newContainerWriter(s, newHead(kind, r.id, &r.keys), &r.keys)
	if err != nil {
		s.close()
		return nil, err
	}
	return &pack{kind: kind, spool: s, writer: w, table: 64}, nil
}

// tableBytes is what a frame adds to the table at most: a row of 46 bytes, heads of arrays, a prefix and a length of
// at most 5 bytes for each chunk.
func tableBytes(f *rawFrame) int { return 46 + 16 + 21*len(f.prefixes) }

// takes reports whether the frame still fits into a container of a size.
func (p *pack) takes(f *rawFrame, stored []byte, target int64) bool {
	size := p.writer.offset + int64(len(stored)+p.table+tableBytes(f)) + skippableHeader + int64(trailerSize)
	return len(p.lanes) == 0 ||
		padme(size) <= target && p.chunks+len(f.prefixes) <= packChunks && len(p.lanes) < maxFrames
}

func (p *pack) add(f *rawFrame, stored []byte) error {
	if err := p.writer.frame(stored, len(f.content)); err != nil {
		return err
	}
	p.lanes = append(p.lanes, f.row())
	p.chunks += len(f.prefixes)
	p.table += tableBytes(f)
	return nil
}

// sealedPack is a pack that waits in its spool to be put.
type sealedPack struct {
	packRow
	lanes []laneRow
	spool *spool
}

// finish closes the pack and reads back what describes it.
func (p *pack) finish(r *Repo) (*sealedPack, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	if err := p.writer.finish(table{Salt: salt, Lanes: p.lanes}); err != nil {
		return nil, fmt.Errorf("finish a pack: %w", err)
	}
	hash, err := p.spool.finish()
	if err != nil {
		return nil, fmt.Errorf("finish a pack: %w", err)
	}
	plain, size, err := p.spool.plain()
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be opened: %w", err)
	}
	c, err := parseContainer(plain, size, &r.keys)
	if err == nil {
		err = checkPack(c, p.kind, r.id)
	}
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be read: %w", err)
	}
	return &sealedPack{packRow: describePack(c, hash, p.spool.size), lanes: c.table.Lanes, spool: p.spool}, nil
}

// checkPack checks what describes a pack.
func checkPack(c *container, kind Kind, repository [16]byte) error {
	if err := c.is(kind, repository); err != nil {
		return err
	}
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
