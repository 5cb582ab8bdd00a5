package imap

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"
	"unicode/utf8"
)

// digest names a text as Dovecot would show it after an APPEND: a bare LF is CRLF, CRs before CRLF and at the end are
// gone, NUL is 0x80. Messages that differ in nothing else are the same message, before and after.
type digest [sha256.Size]byte

// digester digests what is written to it.
type digester struct {
	hash hash.Hash
	buf  []byte
	crs  int // held back: what they are is told by what follows
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

func (d *digester) Write(p []byte) (int, error) {
	d.buf = d.buf[:0]
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		words := bytes.TrimRight(line, "\r")
		if len(words) > 0 {
			d.buf = append(d.buf, bytes.Repeat([]byte("\r"), d.crs)...)
			d.buf = append(d.buf, words...)
			d.crs = 0
		}
		d.crs += len(line) - len(words)
		if ended {
			d.buf = append(d.buf, "\r\n"...)
			d.crs = 0
		}
		rest = after
	}
	for i := bytes.IndexByte(d.buf, 0); i >= 0; i = bytes.IndexByte(d.buf, 0) {
		d.buf[i] = 0x80
	}
	d.hash.Write(d.buf)
	return len(p), nil
}

func (d *digester) sum() (sum digest) {
	d.hash.Sum(sum[:0])
	return sum
}

// oddities are the features of a message that servers are known to alter or refuse.
type oddities struct {
	nul         bool
	bareLF      bool
	eightHeader bool // 8-bit bytes in the header

	last        byte
	crs, crlfs  int
	inBody      bool
	lineHasText bool
}

// noEnd: the last line has none.
func (o *oddities) noEnd() bool { return o.last != '\n' }

// bareCR: there are more CRs than line ends take.
func (o *oddities) bareCR() bool { return o.crs > o.crlfs }

func (o *oddities) any() bool { return o.nul || o.bareLF || o.bareCR() || o.eightHeader }

func (o *oddities) Write(p []byte) (int, error) {
	o.nul = o.nul || bytes.IndexByte(p, 0) >= 0
	o.crs += bytes.Count(p, []byte("\r"))
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		o.line(line, ended)
		rest = after
	}
	return len(p), nil
}

// line sees a line, or a piece of one.
func (o *oddities) line(line []byte, ended bool) {
	if len(line) > 0 {
		o.last = line[len(line)-1]
	}
	if !o.inBody {
		o.lineHasText = o.lineHasText || len(bytes.TrimRight(line, "\r")) > 0
		o.eightHeader = o.eightHeader || slices.ContainsFunc(line, func(c byte) bool { return c >= utf8.RuneSelf })
	}
	if !ended {
		return
	}
	if o.last == '\r' {
		o.crlfs++
	} else {
		o.bareLF = true
	}
	o.inBody = o.inBody || !o.lineHasText
	o.lineHasText, o.last = false, '\n'
}
