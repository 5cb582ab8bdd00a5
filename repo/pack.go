package repo

import (
	"crypto/rand"
	"fmt"
)

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
	s, err := r.cache.spool(r.seals.recipients(kind))
	if err != nil {
		return nil, err
	}
	w, err := r.codec.newWriter(s, kind)
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
	c, err := r.codec.openPack(plain, size, p.kind)
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be read: %w", err)
	}
	return &sealedPack{packRow: describePack(c, hash, p.spool.size), lanes: c.table.Lanes, spool: p.spool}, nil
}
