package imap

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"math"
	"slices"
)

// likeness is what a text is known again by on a server that may have altered it.
type likeness struct{ exact, blurred digest }

// likely are the ways in which two texts can be the same message, the surest first: what is the same in a later way is so
// only where nothing is in an earlier one.
var likely = []func(a, b likeness) bool{
	func(a, b likeness) bool { return a.exact == b.exact },
	func(a, b likeness) bool { return a.blurred == b.blurred },
}

// likenessOf digests what write writes.
func likenessOf(write func(io.Writer) error) (likeness, error) {
	exact, blurred := newDigester(), newBlurrer()
	err := write(inPieces{io.MultiWriter(exact, blurred)})
	return likeness{exact.sum(), blurred.sum()}, err
}

// inPieces divides what is written at once: a message that is in memory would be copied there by each of its digesters.
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

// blurrer digests what servers that alter more than Dovecot leave of a text: Courier drops every CR that ends no line, and
// ends the last line; Cyrus makes an X of each 8-bit byte of a header; Proton's bridge puts a line of its own first. Texts
// that are the same in this are taken for the same message only where nothing closer is there.
type blurrer struct {
	hash   hash.Hash
	first  []byte // of the text, until it is known whether Proton's line is there
	opened bool   // it is known, and that line is past
	buf    []byte
	ends   int // line ends held back: those at the end of the text do not count
	inBody bool
	began  bool
	left   int // how many bytes more are digested
}

func newBlurrer() *blurrer { return &blurrer{hash: sha256.New(), left: math.MaxInt} }

func (b *blurrer) Write(p []byte) (int, error) {
	if b.opened {
		b.blur(p)
		return len(p), nil
	}
	b.first = append(b.first, p...)
	switch line, rest, ended := bytes.Cut(b.first, []byte("\n")); {
	case !bytes.HasPrefix(line, protonLine[:min(len(line), len(protonLine))]), ended && len(line) < len(protonLine), len(line) > slack:
		b.blur(b.first)
		b.opened = true
	case ended:
		b.blur(rest)
		b.opened = true
	}
	return len(p), nil
}

// protonLine begins the line that Proton's bridge puts before each message it takes.
var protonLine = []byte("X-Pm-Gluon-Id: ")

func (b *blurrer) blur(p []byte) {
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

func (b *blurrer) sum() (sum digest) {
	if !b.opened {
		b.blur(b.first)
	}
	b.hash.Sum(sum[:0])
	return sum
}

// headerLimit is how much of a header is compared; the archive gives no more than 256 KiB of it.
const headerLimit = 128 << 10

// headerDigest digests a header, blurred: it only tells which messages are worth a look at all of their bytes. Empty lines
// at its end do not count: a server may add the one that is missing.
func headerDigest(header []byte) digest {
	b := newBlurrer()
	b.left = headerLimit
	b.Write(bytes.TrimRight(header, "\r\n"))
	return b.sum()
}

// slack is how many bytes a line that a server adds may have, whatever the size of the message.
const slack = 64
