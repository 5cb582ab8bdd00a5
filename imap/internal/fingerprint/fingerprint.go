// Package fingerprint recognizes a message on a server that has altered its bytes.
//
// A Fingerprint has two digests: the exact one ignores what Dovecot changes, such as bare line
// feeds; the normalized one also ignores what Courier, Cyrus and Proton's bridge change. traits.go
// notes which of a message's features a server may change, so that a report can name what changed.
package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"math"
	"slices"
)

// Fingerprint identifies a text on a server that may have altered it.
type Fingerprint struct{ exact, Normalized Digest }

// Levels are the ways in which two texts can be the same message, the most certain first. Callers
// try a later level only for texts that have no match at an earlier one.
var Levels = []func(a, b Fingerprint) bool{
	func(a, b Fingerprint) bool { return a.exact == b.exact },
	func(a, b Fingerprint) bool { return a.Normalized == b.Normalized },
}

// Of returns the fingerprint of what write writes.
func Of(write func(io.Writer) error) (Fingerprint, error) {
	exact, blurred := newExactDigester(), newNormalizer()
	err := write(inPieces{io.MultiWriter(exact, blurred)})
	return Fingerprint{exact.sum(), blurred.sum()}, err
}

// inPieces writes in pieces, because each digester copies what is written to it: a message that is
// in memory would be copied whole by each of them.
type inPieces struct{ to io.Writer }

func (w inPieces) Write(p []byte) (n int, err error) {
	for piece := range slices.Chunk(p, 32<<10) {
		m, err := w.to.Write(piece)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// HeaderLimit is the number of bytes of a header that are compared. The archive returns up to 256
// KiB of a header.
const HeaderLimit = 128 << 10

// OfHeader returns the normalized digest of a header. It only selects the messages whose bytes are
// worth comparing. Empty lines at the end do not count, because a server may add a missing one.
func OfHeader(header []byte) Digest {
	b := newNormalizer()
	b.left = HeaderLimit
	b.Write(bytes.TrimRight(header, "\r\n"))
	return b.sum()
}

// Digest identifies a text as Dovecot would return it after an APPEND: a bare LF becomes CRLF, NUL
// becomes 0x80, and CRs before CRLF and at the end disappear. Messages that differ in nothing else
// are taken for the same message.
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

// normalizer digests what remains of a text on servers that alter more than Dovecot does. Courier
// drops every CR that ends no line, and ends the last line. Cyrus replaces each 8-bit byte of a
// header with an X. Proton's bridge puts a line of its own before the message.
type normalizer struct {
	hash   hash.Hash
	first  []byte // bytes of the text, until it is known whether Proton's line is there
	opened bool   // it is known, and Proton's line has been skipped
	buf    []byte
	ends   int // line ends held back: those at the end of the text do not count
	inBody bool
	began  bool
	left   int // bytes still to be digested
}

func newNormalizer() *normalizer { return &normalizer{hash: sha256.New(), left: math.MaxInt} }

func (b *normalizer) Write(p []byte) (int, error) {
	if b.opened {
		b.normalize(p)
		return len(p), nil
	}
	b.first = append(b.first, p...)
	switch line, rest, ended := bytes.Cut(b.first, []byte("\n")); {
	case !bytes.HasPrefix(line, protonLine[:min(len(line), len(protonLine))]),
		ended && len(line) < len(protonLine), len(line) > AddedLine:
		b.normalize(b.first)
		b.opened = true
	case ended:
		b.normalize(rest)
		b.opened = true
	}
	return len(p), nil
}

func (b *normalizer) normalize(p []byte) {
	b.buf = b.buf[:0]
	for _, c := range p {
		switch {
		case c == '\r':
			continue
		case c == '\n':
			b.ends++
			continue
		case c == 0:
			c = 0x80
		}
		b.inBody = b.inBody || b.ends > 1 || b.ends > 0 && !b.began
		for ; b.ends > 0; b.ends-- {
			b.buf = append(b.buf, '\n')
		}
		if c >= 0x80 && !b.inBody {
			c = 'X'
		}
		b.buf = append(b.buf, c)
		b.began = true
	}
	b.buf = b.buf[:min(len(b.buf), b.left)]
	b.left -= len(b.buf)
	b.hash.Write(b.buf)
}

func (b *normalizer) sum() (sum Digest) {
	if !b.opened {
		b.normalize(b.first)
	}
	b.hash.Sum(sum[:0])
	return sum
}

// protonLine begins the line that Proton's bridge puts before each message.
var protonLine = []byte("X-Pm-Gluon-Id: ")

// AddedLine is the largest size of a line that a server adds to a message.
const AddedLine = 64
