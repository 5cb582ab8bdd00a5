package chunk

import (
	"io"
	"sync"

	"github.com/restic/chunker"
)

// The sizes of chunks are part of the durable format. With other sizes, content would be cut elsewhere and would not be
// recognized.
const (
	// Min is the size up to which content is one chunk. Only the last chunk of longer content can be smaller.
	Min = 16 << 10
	// AverageBits sets how often a chunk ends: past Min, one byte in 2^AverageBits ends it.
	AverageBits = 16
	// Max is the size of the largest chunk.
	Max = 256 << 10
)

// Cutter cuts content into chunks. It is safe for concurrent use; each Cut takes a work space of about half a MiB from
// a pool.
type Cutter struct {
	// fresh is a chunker that has seen nothing. Each work space copies it, because a new chunker takes hundreds of
	// microseconds, and Reset goes back to an average of 2^20.
	fresh  chunker.BaseChunker
	spaces sync.Pool // of *workspace
}

// workspace is what one Cut needs: a chunker, and the bytes not yet emitted.
type workspace struct {
	points chunker.BaseChunker
	buf    [2 * Max]byte
}

// NewCutter returns a Cutter that cuts by p. It returns ErrPolynomial if p fails its Check.
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

// Cut reads r to its end and calls emit with its bytes, chunk by chunk, in order. Empty content has no chunks. The
// chunks depend only on the content and the polynomial, not on the sizes of the reads. The data is valid only during
// the call of emit. The first error of r or of emit ends the cut, and Cut returns it unchanged.
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
	return w.run(r, n, emit)
}

// run cuts r, whose first end bytes are in the buffer already.
//
//	0         start          seen       end       2*Max
//	| emitted | of this chunk | not seen | free     |
func (w *workspace) run(r io.Reader, end int, emit func([]byte) error) error {
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
		// The rest is less than one chunk, so more than Max bytes become free.
		end = copy(w.buf[:], w.buf[start:end])
		start, seen = 0, end
	}
}

// readUpTo reads until buf is full or r ends. A result shorter than buf means that r has ended. Unlike io.ReadFull, it
// keeps an io.ErrUnexpectedEOF of r as an error: a connection that breaks within a message must not look like the end
// of that message.
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
