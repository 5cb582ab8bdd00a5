package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// WriteRange writes length bytes of the message from offset on. It reads only the chunks that they
// are in, and each chunk has its hash. The hash of the message is not checked: archive.Body does
// that for whole messages. An error of reading is an archive.ReadError.
func (l *Layout) WriteRange(ctx context.Context, w io.Writer, offset, length int64) error {
	if offset < 0 || length < 0 || offset > l.Size || length > l.Size-offset {
		return fmt.Errorf("no bytes %d to %d in a message of %d", offset, offset+length, l.Size)
	}
	if length == 0 {
		return nil
	}
	for i := range l.parts {
		p := &l.parts[i]
		from, to := max(offset-p.offset, 0), min(offset+length-p.offset, p.size)
		if from >= to {
			continue
		}
		var err error
		if p.kind == mail.Base64Part {
			err = l.writeEncoded(ctx, w, p, from, to)
		} else {
			err = l.writeStored(ctx, w, p, from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeStored writes the stored bytes of a part from from up to to.
func (l *Layout) writeStored(ctx context.Context, w io.Writer, p *part, from, to int64) error {
	for data, err := range l.stored(ctx, p, from, to) {
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// writeEncoded writes the bytes of a run of base64 lines from from up to to. It encodes whole lines
// and cuts them.
func (l *Layout) writeEncoded(ctx context.Context, w io.Writer, p *part, from, to int64) error {
	full := int64(p.recipe.LineLength) + ending(p.recipe)
	decoded := int64(p.recipe.LineLength) / 4 * 3
	first, end := from/full, (to+full-1)/full // lines
	recipe := p.recipe
	if end*decoded < p.stored {
		recipe.Unterminated = false // the last line of these is not the last of the run
	}
	j := mail.NewJoiner(&window{w: w, skip: from - first*full, left: to - from})
	err := j.Begin(mail.Base64Part, recipe)
	if err == nil {
		err = l.writeStored(ctx, j, p, first*decoded, min(end*decoded, p.stored))
	}
	if err == nil {
		err = j.Close()
	}
	if errors.Is(err, mail.ErrJoin) || errors.Is(err, mail.ErrRecipe) {
		return &archive.ReadError{Err: err}
	}
	return err
}

// stored yields the stored bytes of a part from from up to to. It fetches the frames of many chunks
// at once.
func (l *Layout) stored(ctx context.Context, p *part, from, to int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var at int64
		fetched := 0
		for i, piece := range p.chunks {
			begin := at
			at += piece.size
			if at <= from || begin >= to {
				continue
			}
			if i >= fetched {
				fetched = l.fetch(ctx, p.chunks, i, to-begin)
			}
			data, err := l.contents.Chunk(ctx, piece.id)
			if err == nil && int64(len(data)) != piece.size {
				err = fmt.Errorf("%w: chunk %s has %d bytes, the index says %d",
					ErrSizes, piece.id, len(data), piece.size)
			}
			if err != nil {
				yield(nil, &archive.ReadError{Err: err})
				return
			}
			if !yield(data[max(from-begin, 0):min(to-begin, piece.size)], nil) {
				return
			}
		}
	}
}

// fetch fetches the frames of the next chunks, up to size bytes of them, and returns the index of
// the chunk after these.
func (l *Layout) fetch(ctx context.Context, chunks []piece, i int, size int64) int {
	var ids []chunk.ID
	for ; i < len(chunks) && size > 0 && len(ids) < archive.BodyBatch; i++ {
		ids = append(ids, chunks[i].id)
		size -= chunks[i].size
	}
	if len(ids) > 1 {
		l.contents.PrefetchChunks(ctx, ids)
	}
	return i
}

// window passes on a part of what is written to it, and drops the rest.
type window struct {
	w    io.Writer
	skip int64 // bytes to drop first
	left int64 // bytes to pass on after these
}

// Write implements io.Writer.
func (w *window) Write(b []byte) (int, error) {
	skipped := min(w.skip, int64(len(b)))
	taken := min(int64(len(b))-skipped, w.left)
	w.skip, w.left = w.skip-skipped, w.left-taken
	if taken > 0 {
		if _, err := w.w.Write(b[skipped : skipped+taken]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
