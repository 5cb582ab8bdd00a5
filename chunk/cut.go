package chunk

import (
	"io"
	"sync"

	"github.com/restic/chunker"
)

// The sizes of chunks are part of the durable format: with other sizes content
// is cut elsewhere, and nothing is recognised again.
const (
	// Min is the size up to which content is one chunk. But for the last chunk
	// of a content, no chunk is smaller.
	Min = 16 << 10
	// AverageBits: past Min, one byte in 2^AverageBits ends a chunk.
	AverageBits = 16
	// Max is the size at which a chunk ends in any case.
	Max = 256 << 10
)

// Cutter cuts content into chunks. It may be used by any number of goroutines;
// each cut under way takes one work space of about half a MiB from a pool.
type Cutter struct {
	// fresh is a chunker that has seen nothing. A work space starts from a copy
	// of it, for a chunker costs hundreds of microseconds to make, and its own
	// Reset falls back to an average of 2^20.
	fresh  chunker.BaseChunker
	spaces sync.Pool // of *workspace
}

// workspace is what one cut needs: a chunker, and bytes not yet given out.
type workspace struct {
	points chunker.BaseChunker
	buf    [2 * Max]byte
}

// NewCutter returns a Cutter that cuts by p.
func NewCutter(p Polynomial) (*Cutter, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	c := &Cutter{fresh: *chunker.NewBase(chunker.Pol(p),
		chunker.WithBaseBoundaries(Min, Max),
		chunker.WithBaseAverageBits(AverageBits),
	)}
	c.spaces.New = func() any { return new(workspace) }
	return c, nil
}

// Cut reads r to its end and hands its bytes to emit, chunk by chunk, in order.
// Content of zero bytes has no chunks. The chunks depend on the content and the
// polynomial only, not on how r delivers. The data is valid during the call
// of emit only. Errors of r and of emit end the cut and are returned as they are.
func (c *Cutter) Cut(r io.Reader, emit func(data []byte) error) error {
	w := c.spaces.Get().(*workspace)
	defer c.spaces.Put(w)

	n, err := readUpTo(r, w.buf[:Min+1])
	switch {
	case err != nil:
		return err
	case n == 0:
		return nil
	case n <= Min:
		return emit(w.buf[:n])
	}
	w.points = c.fresh
	return w.cut(r, n, emit)
}

// cut goes on with r, of which the first end bytes are in the buffer already.
//
//	0         start          seen       end       2*Max
//	| emitted | of this chunk | not seen | free     |
func (w *workspace) cut(r io.Reader, end int, emit func([]byte) error) error {
	start, seen := 0, 0
	for {
		n, err := readUpTo(r, w.buf[end:])
		if err != nil {
			return err
		}
		end += n
		for seen < end {
			point := w.points.NextSplitPoint(w.buf[seen:end])
			if point < 0 {
				seen = end
				break
			}
			seen += point
			if err := emit(w.buf[start:seen]); err != nil {
				return err
			}
			start = seen
		}
		if ended := end < len(w.buf); ended {
			if start == end {
				return nil
			}
			return emit(w.buf[start:end])
		}
		// What is left is less than a whole chunk: more than Max bytes become free.
		end = copy(w.buf[:], w.buf[start:end])
		start, seen = 0, end
	}
}

// readUpTo reads until buf is full or r ends; less than a full buffer means that
// r has ended. Unlike with io.ReadFull, an io.ErrUnexpectedEOF comes from r and
// stays an error: a connection that broke in a message must not look like
// the end of that message.
func readUpTo(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case m > 0:
			idle = 0
		case idle == 100:
			return n, io.ErrNoProgress
		default:
			idle++
		}
	}
	return n, nil
}
