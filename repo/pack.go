package repo

import (
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Sizes that a writer chooses. Readers accept all that docs/format.md allows.
const (
	packTarget = 32 << 20 // a pack is closed before its container gets larger
	firstPack  = 16 << 20 // the limit for the first packs of a writer (packBuilder.target)
)

// packBuilder builds the packs of one kind, one after another.
type packBuilder struct {
	mu     sync.Mutex
	open   *unfinishedPack // nil before its first frame
	closed int64           // bytes of the complete packs
	fill   bool            // every pack is filled up to packTarget
}

// target returns the size up to which the open pack is filled: half of the bytes in the packs
// before it, between firstPack and packTarget. The last pack is uploaded while nothing else
// happens, so it should be at most a third of all.
func (b *packBuilder) target() int64 {
	if b.fill {
		return packTarget
	}
	return min(packTarget, max(firstPack, b.closed/2))
}

// packFrame adds a frame to the open pack of its kind; encoded is the compressed frame. If the pack
// has no room for it, packFrame completes the pack and begins another.
func (w *Writer) packFrame(f *format.RawFrame, encoded []byte) error {
	b := &w.builders[format.PackNumber(f.Lane.Kind())]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil && !b.open.takes(f, encoded, b.target()) {
		if err := w.closePackLocked(b); err != nil {
			return err
		}
	}
	if b.open == nil {
		p, err := newPack(w.r, f.Lane.Kind())
		if err != nil {
			return err
		}
		b.open = p
	}
	return b.open.add(f, encoded)
}

// closePack completes the open pack, if there is one, and passes it to an uploader.
func (w *Writer) closePack(b *packBuilder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.closePackLocked(b)
}

func (w *Writer) closePackLocked(b *packBuilder) error {
	if b.open == nil {
		return nil
	}
	p := b.open
	b.open = nil
	done, err := p.finish(w.r)
	if err != nil {
		p.spool.Close()
		return err
	}
	b.closed += done.spool.Size
	w.uploading.Add(1)
	select {
	case w.upload <- done:
		return nil
	case <-w.ctx.Done():
		w.uploading.Done()
		p.spool.Close()
		return w.failure()
	}
}

// unfinishedPack is a pack that is being written to a spool, a file on this host.
type unfinishedPack struct {
	kind   format.Kind
	spool  *format.Spool
	writer *format.ContainerWriter
	lanes  []format.LaneRow
	chunks int
	table  int // bytes of the encoded table so far, slightly overestimated
}

func newPack(r *Repo, kind format.Kind) (*unfinishedPack, error) {
	s, err := r.objects.Cache.Spool(r.objects.Seals.Recipients(kind))
	if err != nil {
		return nil, err
	}
	w, err := r.objects.Codec.NewWriter(s, kind)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &unfinishedPack{kind: kind, spool: s, writer: w, table: 64}, nil
}

// tableBytes returns the most bytes that a frame adds to the table: a row of 46 bytes, heads of
// arrays, and for each chunk a prefix and a length of at most 5 bytes.
func tableBytes(f *format.RawFrame) int { return 46 + 16 + 21*len(f.Prefixes) }

// takes reports whether the frame fits into a container of the target size. The first frame always
// does.
func (p *unfinishedPack) takes(f *format.RawFrame, encoded []byte, target int64) bool {
	return len(p.lanes) == 0 ||
		p.writer.SizeWith(len(encoded), p.table+tableBytes(f)) <= target &&
			p.chunks+len(f.Prefixes) <= format.PackChunks && len(p.lanes) < format.MaxFrames
}

func (p *unfinishedPack) add(f *format.RawFrame, encoded []byte) error {
	if err := p.writer.Frame(encoded, len(f.Content)); err != nil {
		return err
	}
	p.lanes = append(p.lanes, f.Row())
	p.chunks += len(f.Prefixes)
	p.table += tableBytes(f)
	return nil
}

// sealedPack is a complete pack in its spool, ready to be put.
type sealedPack struct {
	format.PackRow
	lanes []format.LaneRow
	spool *format.Spool
	kept  chan error // once it is put: whether the store lists it
}

// finish completes the pack and checks it: it opens the pack again and reads its table.
func (p *unfinishedPack) finish(r *Repo) (*sealedPack, error) {
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
	c, err := r.objects.Codec.OpenPack(plain, size, p.kind)
	if err != nil {
		return nil, fmt.Errorf("a pack just made cannot be read: %w", err)
	}
	return &sealedPack{PackRow: format.DescribePack(c, hash, p.spool.Size), lanes: c.Table.Lanes, spool: p.spool}, nil
}
