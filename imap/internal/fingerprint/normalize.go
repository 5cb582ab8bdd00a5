package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"math"
)

// normalizer digests what remains of a text on servers that alter more than Dovecot does. Courier drops every CR that
// ends no line, and ends the last line. Cyrus replaces each 8-bit byte of a header with an X. Proton's bridge puts a
// line of its own before the message.
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
