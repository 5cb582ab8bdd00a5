package chunk

import (
	"io"
	"sync"
)

// The sizes of chunks are part of the durable format. With other sizes, content would be cut
// elsewhere and would not be recognized.
const (
	// Min is the size up to which content is one chunk. Only the last chunk of longer content can
	// be smaller.
	Min = 16 << 10
	// AverageBits sets how often a chunk ends: past Min, one byte in 2^AverageBits ends it.
	AverageBits = 16
	// Max is the size of the largest chunk.
	Max = 256 << 10
)

// Cutter cuts content into chunks. It is safe for concurrent use. Each Cut takes a buffer from a
// pool, of 16 KiB, and for content that is longer than Min one of half a MiB: most content is
// shorter.
type Cutter struct {
	fingerprints *fingerprinter
	openings     sync.Pool // of *opening
	buffers      sync.Pool // of *buffer
}

// opening holds as much of content as shows whether it is longer than Min.
type opening [Min + 1]byte

// buffer holds the bytes of longer content that are not emitted yet.
type buffer [2 * Max]byte

// NewCutter returns a Cutter that cuts by p. It returns ErrPolynomial if p fails its Check.
func NewCutter(p Polynomial) (*Cutter, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	c := &Cutter{fingerprints: newFingerprinter(p)}
	c.openings.New = func() any { return new(opening) }
	c.buffers.New = func() any { return new(buffer) }
	return c, nil
}

// Cut reads r to its end and calls emit with its bytes, chunk by chunk, in order. Empty content has
// no chunks. The chunks depend only on the content and the polynomial, not on the sizes of the
// reads. The data is valid only during the call of emit. The first error of r or of emit ends the
// cut, and Cut returns it unchanged.
func (c *Cutter) Cut(r io.Reader, emit func(data []byte) error) error {
	first := c.openings.Get().(*opening)
	defer c.openings.Put(first)

	n, err := readUpTo(r, first[:])
	switch {
	case err != nil:
		return err
	case n == 0:
		return nil
	case n <= Min:
		return emit(first[:n])
	}
	buf := c.buffers.Get().(*buffer)
	defer c.buffers.Put(buf)
	return c.cutLong(r, buf, copy(buf[:], first[:n]), emit)
}

// cutLong cuts r, whose first end bytes are in the buffer already.
//
//	0         start            seen         end       2*Max
//	| emitted | not cut within | not tested | free     |
func (c *Cutter) cutLong(r io.Reader, buf *buffer, end int, emit func([]byte) error) error {
	start, seen := 0, 0
	for {
		n, err := readUpTo(r, buf[end:])
		if err != nil {
			return err
		}
		end += n
		for start < end {
			most := min(end, start+Max)
			seen = c.fingerprints.find(buf[:most], max(seen, start+Min), most)
			if seen == end && seen < start+Max {
				break // the chunk may go on
			}
			if err := emit(buf[start:seen]); err != nil {
				return err
			}
			start = seen
		}
		if ended := end < len(buf); ended {
			if start == end {
				return nil
			}
			return emit(buf[start:end])
		}
		// The rest is less than one chunk, so more than Max bytes become free.
		end = copy(buf[:], buf[start:end])
		start, seen = 0, end
	}
}

// readUpTo reads until buf is full or r ends. A result shorter than buf means that r has ended.
// Unlike io.ReadFull, it keeps an io.ErrUnexpectedEOF of r as an error: a connection that breaks
// within a message must not look like the end of that message.
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
