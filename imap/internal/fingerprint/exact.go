package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Digest names a text as Dovecot would show it after an APPEND: a bare LF is CRLF, CRs before CRLF and at the end are
// gone, NUL is 0x80. Messages that differ in nothing else are the same message, before and after.
type Digest [sha256.Size]byte

// exactDigester digests what is written to it.
type exactDigester struct {
	hash hash.Hash
	buf  []byte
	crs  int // held back: what they are is told by what follows
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
