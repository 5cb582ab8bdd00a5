// Package ranges reads objects of a store in ranges.
//
//	Read     one range of an object, by one request
//	Reader   an io.ReaderAt over an object: what was fetched is kept, small reads are served by larger requests
//	Parts    an io.ReaderAt over the parts of an object that are at hand
//
// A sealed object is opened through a Reader: age reads the header, the last piece, and the pieces
// asked for.
package ranges

import (
	"bytes"
	"cmp"
	"context"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Read reads length bytes from offset of an object of a known size.
func Read(ctx context.Context, s store.Store, name string, size, offset, length int64) ([]byte, error) {
	body, found, err := s.Get(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if found != size {
		return nil, format.Damaged("%d bytes where the index says %d", found, size)
	}
	part := make([]byte, length) // at most the size that the index states
	if _, err := io.ReadFull(body, part); err != nil {
		return nil, err
	}
	return part, nil
}

// Part is a part of an object's bytes.
type Part struct {
	At    int64
	Bytes []byte
}

// Parts reads an object of which only some parts are at hand.
type Parts []Part

// ReadAt implements io.ReaderAt.
func (parts Parts) ReadAt(p []byte, off int64) (int, error) {
	best := 0
	for _, part := range parts {
		if at := off - part.At; at >= 0 && at < int64(len(part.Bytes)) {
			if best = max(best, copy(p, part.Bytes[at:])); best == len(p) {
				return best, nil
			}
		}
	}
	if best < len(p) {
		return best, io.ErrUnexpectedEOF
	}
	return best, nil
}

// Reader reads an object of the store by ranges that are large enough for age's small steps. It
// keeps what it fetched. An error of the store is a *format.ReadError, which passes through age
// unchanged.
type Reader struct {
	Parts   []Part // what is at hand
	Fetched int64  // bytes fetched so far

	ctx   context.Context
	store store.Store
	name  string
	size  int64
	piece int64
}

const (
	defaultPiece = 128 << 10
	maxHeader    = 8 << 10 // of age: some recipients
)

// NewReader returns a Reader that fetches at least piece bytes at once; 0: 128 KiB.
func NewReader(ctx context.Context, s store.Store, o store.Object, piece int64) *Reader {
	return &Reader{ctx: ctx, store: s, name: o.Name, size: o.Size, piece: cmp.Or(piece, defaultPiece)}
}

// OpenReader returns a Reader that has both ends of the object, which it fetched at once: what it
// takes to open a sealed object, and mostly its table.
func OpenReader(ctx context.Context, s store.Store, o store.Object) (*Reader, error) {
	r := NewReader(ctx, s, o, 0)
	ends := [][2]int64{{0, o.Size}}
	if o.Size > 2*defaultPiece {
		ends = [][2]int64{{0, maxHeader + format.AgePiece + format.AgeOverhead}, {o.Size - defaultPiece, o.Size}}
	}
	r.Parts = make([]Part, len(ends))
	group, ctx := errgroup.WithContext(ctx)
	for i, end := range ends {
		r.Parts[i].At = end[0]
		r.Fetched += end[1] - end[0]
		group.Go(func() (err error) {
			r.Parts[i].Bytes, err = Read(ctx, s, o.Name, o.Size, end[0], end[1]-end[0])
			return err
		})
	}
	return r, group.Wait()
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), r.size-off)
	for _, part := range r.Parts {
		if at := off - part.At; at >= 0 && at+want <= int64(len(part.Bytes)) {
			return full(p, part.Bytes[at:at+want])
		}
	}
	from, to := off, min(max(off+want, off+r.piece), r.size)
	if to == r.size { // a table is read from its end: fetch as much before it
		from = max(0, min(off, to-r.piece))
	}
	b, err := Read(r.ctx, r.store, r.name, r.size, from, to-from)
	if err != nil {
		return 0, &format.ReadError{Err: err}
	}
	r.Fetched += int64(len(b))
	r.Parts = append(r.Parts, Part{from, b})
	return full(p, b[off-from:][:want])
}

// full copies to p and returns io.EOF if that does not fill it, as an io.ReaderAt must.
func full(p, part []byte) (int, error) {
	n := copy(p, part)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Ends returns copies of what age reads each time it opens the object: the header and the last
// piece.
func (r *Reader) Ends() []Part {
	const header, last = maxHeader, format.AgePiece + format.AgeOverhead
	var ends []Part
	for _, part := range r.Parts {
		if part.At == 0 {
			ends = append(ends, Part{0, bytes.Clone(part.Bytes[:min(len(part.Bytes), header)])})
		}
		if n := len(part.Bytes); part.At+int64(n) == r.size {
			n = min(n, last)
			ends = append(ends, Part{r.size - int64(n), bytes.Clone(part.Bytes[len(part.Bytes)-n:])})
		}
	}
	return ends
}
