package packs

import (
	"bytes"
	"context"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/ranges"
)

// sealed is what it takes to read a range of a sealed pack.
type sealed struct {
	start   ranges.Part // header and nonce
	end     ranges.Part // the last piece
	fileKey []byte
}

// firstPart is how much of a pack is fetched to read the header: enough for two hybrid recipients.
const firstPart = 4 << 10

// maxAgeHeader bounds the header: some hundred recipients.
const maxAgeHeader = 256 << 10

// span is a range of the stored bytes.
type span struct{ from, to int64 }

// readSealed reads a range of a large sealed pack.
func (r *Reader) readSealed(ctx context.Context, rg Range, id age.Identity) ([]byte, error) {
	if p := anyHeader(rg); p.from >= p.to {
		return nil, format.Damaged("a range from %d in a pack of %d bytes", rg.Offset, rg.Size)
	}
	o := r.get(rg)
	for {
		if s := o.sealed.Load(); s != nil {
			return r.readOpened(ctx, rg, s, ranges.Part{})
		}
		if r.openCached(rg, o, id) {
			continue
		}
		if o.turn.TryAcquire(1) {
			return r.readFirst(ctx, rg, o, id)
		}
		// Another goroutine is opening the pack. The pieces are fetched meanwhile.
		pieces, err := r.fetchAhead(ctx, rg, o)
		if err != nil {
			return nil, err
		}
		if s := o.sealed.Load(); s != nil {
			return r.readOpened(ctx, rg, s, pieces)
		}
	}
}

// lastPiece returns the last piece of a pack.
func lastPiece(rg Range) span { return span{rg.Size - format.AgePiece - format.AgeOverhead, rg.Size} }

// piecesOf returns the pieces of a range. payload is where the first piece begins.
func piecesOf(rg Range, payload int64) span {
	from, to := format.CoveringRange(rg.Offset, rg.Length, rg.Size-payload)
	return span{payload + from, payload + to}
}

// openCached opens a pack with what the cache has of it. It reports whether it could.
func (r *Reader) openCached(rg Range, o *opened, id age.Identity) bool {
	cache := r.cache(rg.Pack)
	start := cache.start(rg.Pack)
	first, ok := cache.part(rg.Pack, span{0, start})
	if start == 0 || !ok {
		return false
	}
	last, ok := cache.part(rg.Pack, lastPiece(rg))
	if !ok {
		return false
	}
	s := &sealed{start: ranges.Part{Bytes: first}, end: ranges.Part{At: lastPiece(rg).from, Bytes: last}}
	header, err := age.ExtractHeader(bytes.NewReader(first))
	if err == nil && len(header)+format.AgeNonce == len(first) {
		s.fileKey, err = age.DecryptHeader(header, id)
	}
	if err != nil || s.fileKey == nil {
		cache.drop(rg.Pack)
		return false
	}
	r.keepOpen(o, s)
	return true
}

// keepOpen keeps what was read of a pack to open it.
func (r *Reader) keepOpen(o *opened, s *sealed) {
	o.sealed.Store(s)
	r.keep(o, len(s.start.Bytes)+len(s.end.Bytes))
}

// readFirst opens a pack and reads a range of it, in one round trip. The caller holds the turn,
// which readFirst releases.
func (r *Reader) readFirst(ctx context.Context, rg Range, o *opened, id age.Identity) ([]byte, error) {
	defer o.turn.Release(1)
	if s := o.sealed.Load(); s != nil {
		return r.readOpened(ctx, rg, s, ranges.Part{})
	}
	pieces, last := anyHeader(rg), lastPiece(rg)
	wanted := []span{pieces}
	if pieces.from > 0 {
		wanted = append(wanted, span{0, firstPart})
	}
	if pieces.to >= last.from {
		wanted[0] = span{min(pieces.from, last.from), rg.Size}
	} else {
		wanted = append(wanted, last)
	}
	parts, err := r.fetch(ctx, rg, wanted)
	if err != nil {
		return nil, err
	}
	s, err := r.open(ctx, rg, parts, id)
	if err != nil {
		return nil, err
	}
	r.keepOpen(o, s)
	return r.readOpened(ctx, rg, s, parts[0])
}

// anyHeader returns the pieces of a range, wherever the payload begins in the first part.
func anyHeader(rg Range) span {
	from, to := format.CoveringRange(rg.Offset, rg.Length, rg.Size)
	return span{from, min(to+firstPart, rg.Size)}
}

// fetchAhead fetches the pieces of a range, and waits until the pack was opened or could not be.
func (r *Reader) fetchAhead(ctx context.Context, rg Range, o *opened) (ranges.Part, error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := o.turn.Acquire(groupCtx, 1); err != nil {
			return context.Cause(groupCtx)
		}
		o.turn.Release(1)
		return nil
	})
	var parts ranges.Parts
	group.Go(func() (err error) {
		parts, err = r.fetch(groupCtx, rg, []span{anyHeader(rg)})
		return err
	})
	if err := group.Wait(); err != nil {
		return ranges.Part{}, err
	}
	return parts[0], nil
}

// fetch fetches parts of a pack, all at once.
func (r *Reader) fetch(ctx context.Context, rg Range, wanted []span) (ranges.Parts, error) {
	parts := make(ranges.Parts, len(wanted))
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range wanted {
		group.Go(func() (err error) {
			parts[i].At = s.from
			parts[i].Bytes, err = ranges.Read(ctx, r.o.Store, rg.Pack.String(), rg.Size, s.from, s.to-s.from)
			return err
		})
	}
	return parts, group.Wait()
}

// open opens a pack of which parts have both ends.
func (r *Reader) open(ctx context.Context, rg Range, parts ranges.Parts, id age.Identity) (*sealed, error) {
	start := make([]byte, firstPart)
	if _, err := parts.ReadAt(start, 0); err != nil {
		return nil, err
	}
	header, err := age.ExtractHeader(bytes.NewReader(start))
	for n := int64(firstPart); err != nil && n < min(rg.Size, maxAgeHeader); {
		n *= 4
		more, failed := r.fetch(ctx, rg, []span{{0, min(rg.Size, n)}})
		if failed != nil {
			return nil, failed
		}
		start = more[0].Bytes
		header, err = age.ExtractHeader(bytes.NewReader(start))
	}
	if err != nil {
		return nil, format.UnsealError(err)
	}
	s := new(sealed)
	if s.fileKey, err = age.DecryptHeader(header, id); err != nil {
		return nil, format.UnsealError(err)
	}
	payload := len(header) + format.AgeNonce
	if len(start) < payload {
		more, err := r.fetch(ctx, rg, []span{{0, min(rg.Size, int64(payload))}})
		if err != nil {
			return nil, err
		}
		start = more[0].Bytes
	}
	s.start.Bytes = bytes.Clone(start[:min(len(start), payload)])
	s.end.At = lastPiece(rg).from
	s.end.Bytes = make([]byte, rg.Size-s.end.At)
	_, err = parts.ReadAt(s.end.Bytes, s.end.At)
	return s, err
}

// readOpened reads a range of an open pack. pieces may have its bytes; if not, they are fetched.
func (r *Reader) readOpened(ctx context.Context, rg Range, s *sealed, pieces ranges.Part) ([]byte, error) {
	wanted := piecesOf(rg, int64(len(s.start.Bytes)))
	if wanted.from >= wanted.to {
		return nil, format.Damaged("a range from %d in a pack of %d bytes", rg.Offset, rg.Size)
	}
	cache := r.cache(rg.Pack)
	if pieces.At > wanted.from || pieces.At+int64(len(pieces.Bytes)) < wanted.to {
		bytes, cached := cache.part(rg.Pack, wanted)
		if !cached {
			parts, err := r.fetch(ctx, rg, []span{wanted})
			if err != nil {
				return nil, err
			}
			bytes = parts[0].Bytes
		}
		pieces = ranges.Part{At: wanted.from, Bytes: bytes}
	}
	parts := ranges.Parts{s.start, s.end, pieces}
	container, size, err := format.UnsealAt(parts, rg.Size, age.NewInjectedFileKeyIdentity(s.fileKey))
	if err != nil {
		return nil, err
	}
	if cache == nil {
		// age copies a piece before it opens it, and each is shorter when it is open. So the memory
		// of the pieces has room for what is in them.
		return readRange(container, size, rg, pieces.Bytes[wanted.from-pieces.At:])
	}
	data, err := readRange(container, size, rg, nil)
	if err == nil {
		cache.keep(rg.Pack, 0, s.start.Bytes)
		cache.keep(rg.Pack, s.end.At, s.end.Bytes)
		cache.keep(rg.Pack, wanted.from, pieces.Bytes[wanted.from-pieces.At:][:wanted.to-wanted.from])
	}
	return data, err
}
