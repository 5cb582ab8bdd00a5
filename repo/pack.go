package repo

import (
	"crypto/rand"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Sizes that a writer chooses. Readers accept all that docs/format.md allows.
const (
	packTarget = 32 << 20 // a pack is closed before its container gets larger
	firstPack  = 16 << 20 // the limit for the first packs of a writer (packBuilder.target)
)

// pack is a pack that is being built in a spool.
type pack struct {
	kind   format.Kind
	spool  *format.Spool
	writer *format.ContainerWriter
	lanes  []format.LaneRow
	chunks int
	table  int // bytes of the encoded table so far, slightly overestimated
}

func newPack(r *Repo, kind format.Kind) (*pack, error) {
	s, err := r.cache.spool(r.seals.recipients(kind))
	if err != nil {
		return nil, err
	}
	w, err := r.codec.NewWriter(s, kind)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &pack{kind: kind, spool: s, writer: w, table: 64}, nil
}

// tableBytes returns the most that a frame adds to the table: a row of 46 bytes, heads of arrays, and for each chunk a prefix
// and a length of at most 5 bytes.
func tableBytes(f *format.RawFrame) int { return 46 + 16 + 21*len(f.Prefixes) }

// takes reports whether the frame still fits into a container of the target size.
func (p *pack) takes(f *format.RawFrame, stored []byte, target int64) bool {
	return len(p.lanes) == 0 ||
		p.writer.SizeWith(len(stored), p.table+tableBytes(f)) <= target && p.chunks+len(f.Prefixes) <= format.PackChunks && len(p.lanes) < format.MaxFrames
}

func (p *pack) add(f *format.RawFrame, stored []byte) error {
	if err := p.writer.Frame(stored, len(f.Content)); err != nil {
		return err
	}
	p.lanes = append(p.lanes, f.Row())
	p.chunks += len(f.Prefixes)
	p.table += tableBytes(f)
	return nil
}

// sealedPack is a complete pack in its spool, to be put.
type sealedPack struct {
	format.PackRow
	lanes []format.LaneRow
	spool *format.Spool
}

// finish completes the pack and reads back its table.
func (p *pack) finish(r *Repo) (*sealedPack, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	if err := p.writer.Finish(format.Table{Salt: salt, Lanes: p.lanes}); err != nil {
		return nil, fmt.Errorf("finish a pack: %w", err)
	}
	hash, err := p.spool.Finish()
	if err != nil {
		return nil, fmt.Errorf("finish a pack: %w", err)
	}
	plain, size, err := p.spool.Plain()
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be opened: %w", err)
	}
	c, err := r.codec.OpenPack(plain, size, p.kind)
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be read: %w", err)
	}
	return &sealedPack{PackRow: format.DescribePack(c, hash, p.spool.Size), lanes: c.Table.Lanes, spool: p.spool}, nil
}
