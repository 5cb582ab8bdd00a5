package repo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// rangeCache keeps what it takes to read a range of a sealed pack, of the packs read last: the header of age and the last piece
// of the ciphertext, by which age detects truncation.
type rangeCache struct {
	mu    sync.Mutex
	packs map[format.Pack]*packEnds
	order []format.Pack
}

// maxPackEnds bounds the packs; each takes 70 KiB.
const maxPackEnds = 64

type packEnds struct {
	once    sync.Mutex
	ready   bool
	start   object.Part // header and nonce
	end     object.Part // the last piece
	fileKey []byte
}

func (o *rangeCache) get(p format.Pack) *packEnds {
	o.mu.Lock()
	defer o.mu.Unlock()
	if opened := o.packs[p]; opened != nil {
		return opened
	}
	if len(o.order) == maxPackEnds {
		delete(o.packs, o.order[0])
		o.order = o.order[1:]
	}
	opened := new(packEnds)
	o.packs[p] = opened
	o.order = append(o.order, p)
	return opened
}

// forget drops what is known of a pack, because it came from other bytes.
func (o *rangeCache) forget(p format.Pack) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.packs[p] != nil {
		o.packs[p] = new(packEnds)
	}
}

// read reads length bytes of the container from offset.
func (o *rangeCache) read(ctx context.Context, r *Repo, f format.Frame, offset, length int64) ([]byte, error) {
	kind := format.KindData
	if f.Pack.Catalog {
		kind = format.KindCatalog
	}
	id, err := r.seals.identity(kind)
	if err != nil {
		return nil, err
	}
	if id == nil {
		return object.ReadRange(ctx, r.store, f.Pack.String(), f.Size, offset, length)
	}
	opened := o.get(f.Pack)
	if err := opened.open(ctx, r.store, f, id); err != nil {
		return nil, err
	}
	return opened.read(ctx, r.store, f, offset, length)
}

// firstPart is how much of a pack is fetched to read the header: enough for two hybrid recipients.
const firstPart = 4 << 10

// open fetches both ends of the pack in parallel.
func (p *packEnds) open(ctx context.Context, store store.Store, f format.Frame, id age.Identity) error {
	p.once.Lock()
	defer p.once.Unlock()
	if p.ready {
		return nil
	}
	end := min(f.Size, format.AgePiece+format.AgeOverhead)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		p.end.At = f.Size - end
		p.end.Bytes, err = object.ReadRange(groupCtx, store, f.Pack.String(), f.Size, p.end.At, end)
		return err
	})
	group.Go(func() (err error) {
		p.start.Bytes, err = object.ReadRange(groupCtx, store, f.Pack.String(), f.Size, 0, min(f.Size, firstPart))
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	header, err := age.ExtractHeader(bytes.NewReader(p.start.Bytes))
	for n := int64(firstPart); err != nil && n < min(f.Size, maxAgeHeader); {
		n *= 4
		var failed error
		if p.start.Bytes, failed = object.ReadRange(ctx, store, f.Pack.String(), f.Size, 0, min(f.Size, n)); failed != nil {
			return failed
		}
		header, err = age.ExtractHeader(bytes.NewReader(p.start.Bytes))
	}
	if err != nil {
		return format.UnsealError(err)
	}
	if p.fileKey, err = age.DecryptHeader(header, id); err != nil {
		return format.UnsealError(err)
	}
	if len(p.start.Bytes) < len(header)+format.AgeNonce {
		p.start.Bytes, err = object.ReadRange(ctx, store, f.Pack.String(), f.Size, 0, min(f.Size, int64(len(header)+format.AgeNonce)))
		if err != nil {
			return err
		}
	}
	p.start.Bytes = bytes.Clone(p.start.Bytes[:min(len(p.start.Bytes), len(header)+format.AgeNonce)])
	p.ready = true
	return nil
}

// maxAgeHeader bounds the header: some hundred recipients.
const maxAgeHeader = 256 << 10

// read fetches the pieces that cover the range in one request, and opens them.
func (p *packEnds) read(ctx context.Context, store store.Store, f format.Frame, offset, length int64) ([]byte, error) {
	payload := int64(len(p.start.Bytes))
	from, to := format.CoveringRange(offset, length, f.Size-payload)
	if from < 0 || from >= to {
		return nil, format.Damaged("a range from %d in a pack of %d bytes", offset, f.Size)
	}
	pieces, err := object.ReadRange(ctx, store, f.Pack.String(), f.Size, payload+from, to-from)
	if err != nil {
		return nil, err
	}
	parts := object.Parts{p.start, p.end, {At: payload + from, Bytes: pieces}}
	plain, size, err := format.UnsealAt(parts, f.Size, age.NewInjectedFileKeyIdentity(p.fileKey))
	if err != nil {
		return nil, err
	}
	if offset+length > size {
		return nil, format.Damaged("a range up to %d in a container of %d bytes", offset+length, size)
	}
	out := make([]byte, length)
	n, err := plain.ReadAt(out, offset) // with an error, n bytes before the damage are good
	if n < len(out) {
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = format.Damaged("it ends at byte %d", offset+int64(n))
		}
		return out[:n], err
	}
	return out, nil
}
