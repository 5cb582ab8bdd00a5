package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Digest identifies a text as Dovecot would return it after an APPEND: a bare LF becomes CRLF, NUL becomes 0x80, and
// CRs before CRLF and at the end disappear. Messages that differ in nothing else are taken for the same message.
type Digest [sha256.Size]byte

// exactDigester computes the Digest of what is written to it.
type exactDigester struct {
	hash hash.Hash
	buf  []byte
	crs  int // held back until the next byte shows whether they precede a line end
}

func newExactDigester() *exactDigester { return &exactDigester{hash: sha256.New()} }

func (d *exactDigester) Write(p []byte) (int, error) {
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

func (d *exactDigester) sum() (sum Digest) {
	d.hash.Sum(sum[:0])
	return sum
}
