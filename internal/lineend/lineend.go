// Package lineend finds how the lines of a text end, and writes CRLF for LF and back.
//
// Lines of mail end in CRLF (RFC 5322 section 2.1), and in LF in the files of most systems. LF becomes CRLF and CRLF becomes
// LF without loss if all lines of a text end in the same way.
package lineend

import (
	"bytes"
	"io"
)

// Kind says how the lines of a text end. A last line without an end does not count.
type Kind uint8

const (
	None  Kind = iota // there is no LF
	CRLF              // each LF comes after exactly one CR
	LF                // no LF comes after a CR
	Mixed             // anything else
)

// Checker is an io.Writer that finds the Kind of what is written to it, and how long it is.
type Checker struct {
	size, lfs int64
	crlf, lf  bool // some lines end so
	mixed     bool // a line ends in CR CR LF
	crs       int  // CRs at the end, at most 2
}

// Write never fails.
func (c *Checker) Write(p []byte) (int, error) {
	n := len(p)
	c.size += int64(n)
	for {
		at := bytes.IndexByte(p, '\n')
		if at < 0 {
			c.tail(p)
			return n, nil
		}
		c.tail(p[:at])
		c.lfs++
		switch c.crs {
		case 0:
			c.lf = true
		case 1:
			c.crlf = true
		default:
			c.mixed = true
		}
		c.crs = 0
		p = p[at+1:]
	}
}

// tail counts the CRs at the end of a piece of a line.
func (c *Checker) tail(piece []byte) {
	n := len(piece)
	for n > 0 && len(piece)-n < 2 && piece[n-1] == '\r' {
		n--
	}
	if n > 0 && len(piece)-n < 2 {
		c.crs = 0
	}
	c.crs = min(2, c.crs+len(piece)-n)
}

// Kind returns the Kind of what was written.
func (c *Checker) Kind() Kind {
	switch {
	case c.mixed || c.crlf && c.lf:
		return Mixed
	case c.crlf:
		return CRLF
	case c.lf:
		return LF
	}
	return None
}

// Size returns the number of bytes that were written.
func (c *Checker) Size() int64 { return c.size }

// WireSize returns the number of bytes with CRLF for each LF if the Kind is LF, and Size otherwise.
func (c *Checker) WireSize() int64 {
	if c.Kind() == LF {
		return c.size + c.lfs
	}
	return c.size
}

// Of returns the Kind of a text.
func Of(text []byte) Kind {
	var c Checker
	_, _ = c.Write(text)
	return c.Kind()
}

// NewCRLFReader returns a reader of what r reads, with CRLF for each LF.
func NewCRLFReader(r io.Reader) io.Reader { return &crlfReader{r: r} }

type crlfReader struct {
	r     io.Reader
	lines [8 << 10]byte
	rest  []byte // of lines; not passed on yet
	lf    bool   // the LF of the line end that was begun comes next
	err   error
}

func (r *crlfReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.lf {
			p[n] = '\n'
			n++
			r.lf = false
			continue
		}
		if len(r.rest) == 0 {
			if n > 0 || r.err != nil {
				break
			}
			k, err := r.r.Read(r.lines[:])
			r.rest, r.err = r.lines[:k], err
			continue
		}
		if r.rest[0] == '\n' {
			p[n] = '\r'
			n++
			r.rest, r.lf = r.rest[1:], true
			continue
		}
		end := bytes.IndexByte(r.rest, '\n')
		if end < 0 {
			end = len(r.rest)
		}
		k := copy(p[n:], r.rest[:end])
		n, r.rest = n+k, r.rest[k:]
	}
	if n == 0 && len(p) > 0 {
		return 0, r.err
	}
	return n, nil
}
