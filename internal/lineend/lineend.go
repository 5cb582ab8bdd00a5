// Package lineend finds how the lines of a text end, and writes CRLF for LF and back.
//
// Lines of mail end in CRLF (RFC 5322 section 2.1), and in LF in the files of most systems. LF
// becomes CRLF and CRLF becomes LF without loss if all lines of a text end in the same way.
// Otherwise Checker.Ends remembers which of them had LF.
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
	size, bare int64 // bytes; LFs without a CR before them
	crlf, lf   bool  // some lines end so
	mixed      bool  // a line ends in CR CR LF
	crs        int   // CRs at the end, at most 2
	runs       runs
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
		c.runs.add(c.crs > 0)
		switch c.crs {
		case 0:
			c.lf = true
			c.bare++
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

// IsConvertible reports whether NewCRLFReader changes the text, and Kind and Ends say how to change
// it back.
func (c *Checker) IsConvertible() bool { return c.Kind() == LF || c.Ends() != "" }

// WireSize returns the number of bytes that NewCRLFReader makes of the text if it is convertible,
// and Size otherwise.
func (c *Checker) WireSize() int64 {
	if c.IsConvertible() {
		return c.size + c.bare
	}
	return c.size
}

// Of returns the Kind of a text.
func Of(text []byte) Kind {
	var c Checker
	_, _ = c.Write(text)
	return c.Kind()
}

// NewCRLFReader returns a reader of what r reads, with CRLF for each LF that has no CR before it,
// as IMAP servers send it.
func NewCRLFReader(r io.Reader) io.Reader { return &crlfReader{r: r} }

type crlfReader struct {
	r     io.Reader
	lines [8 << 10]byte
	rest  []byte // of lines; not passed on yet
	lf    bool   // the LF of the line end that was begun comes next
	cr    bool   // the byte that was passed on last is a CR
	err   error
}

func (r *crlfReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.lf {
			p[n] = '\n'
			n++
			r.lf, r.cr = false, false
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
			if !r.cr {
				p[n] = '\r'
				n++
			}
			r.rest, r.lf = r.rest[1:], true
			continue
		}
		end := bytes.IndexByte(r.rest, '\n')
		if end < 0 {
			end = len(r.rest)
		}
		k := copy(p[n:], r.rest[:end])
		n, r.rest, r.cr = n+k, r.rest[k:], r.rest[k-1] == '\r'
	}
	if n == 0 && len(p) > 0 {
		return 0, r.err
	}
	return n, nil
}
