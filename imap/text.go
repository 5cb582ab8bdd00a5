package imap

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
)

// digest names a text with its line ends as CRLF: equal for messages that differ in nothing but what servers do to
// line ends.
type digest [sha256.Size]byte

// digester digests what is written to it. A bare LF counts as CRLF, and a limit leaves out what comes after so many
// bytes.
type digester struct {
	hash    hash.Hash
	buf     []byte
	last    byte
	limited bool
	left    int
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

func newLimitedDigester(limit int) *digester {
	return &digester{hash: sha256.New(), limited: true, left: limit}
}

func (d *digester) Write(p []byte) (int, error) {
	d.buf = d.buf[:0]
	rest := p
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			d.buf = append(d.buf, rest...)
			d.last = rest[len(rest)-1]
			break
		}
		if i > 0 {
			d.last = rest[i-1]
		}
		d.buf = append(d.buf, rest[:i]...)
		if d.last != '\r' {
			d.buf = append(d.buf, '\r')
		}
		d.buf = append(d.buf, '\n')
		d.last = '\n'
		rest = rest[i+1:]
	}
	if d.limited {
		d.buf = d.buf[:min(len(d.buf), d.left)]
		d.left -= len(d.buf)
	}
	d.hash.Write(d.buf)
	return len(p), nil
}

func (d *digester) sum() (sum digest) {
	d.hash.Sum(sum[:0])
	return sum
}

// headerLimit is how much of a header is compared; the archive gives no more than 256 KiB of it.
const headerLimit = 128 << 10

// headerDigest digests a header. Empty lines at its end do not count: a server may add the one that is missing.
func headerDigest(header []byte) digest {
	d := newLimitedDigester(headerLimit)
	d.Write(bytes.TrimRight(header, "\r\n"))
	return d.sum()
}

// oddities are the features of a message that servers are known to alter or refuse.
type oddities struct {
	nul         bool
	bareLF      bool
	eightHeader bool // 8-bit bytes in the header

	last   byte
	inBody bool
	blank  int // length of the line so far, for finding the header's end
}

func (o *oddities) any() bool { return o.nul || o.bareLF || o.eightHeader }

func (o *oddities) Write(p []byte) (int, error) {
	o.nul = o.nul || bytes.IndexByte(p, 0) >= 0
	for rest := p; len(rest) > 0; {
		line, end := rest, false
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, end = rest[:i], true
		}
		o.line(line, end)
		rest = rest[len(line):]
		if end {
			rest = rest[1:]
		}
	}
	return len(p), nil
}

// line sees a line or a piece of one.
func (o *oddities) line(line []byte, end bool) {
	if !o.inBody && !o.eightHeader {
		o.eightHeader = bytes.IndexFunc(line, func(r rune) bool { return r >= 0x80 }) >= 0
	}
	if len(line) > 0 {
		o.last = line[len(line)-1]
	}
	o.blank += len(bytes.TrimSuffix(line, []byte("\r")))
	if !end {
		return
	}
	o.bareLF = o.bareLF || o.last != '\r'
	o.inBody = o.inBody || o.blank == 0
	o.blank, o.last = 0, '\n'
}

// digestOf reads a text to its end.
func digestOf(content io.Reader) (digest, error) {
	d := newDigester()
	_, err := io.Copy(d, content)
	return d.sum(), err
}
