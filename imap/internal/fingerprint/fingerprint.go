// Package fingerprint recognizes a message on a server that has altered its bytes.
//
// A Fingerprint has two digests: exact.go ignores what Dovecot changes, such as bare line feeds; normalize.go also
// ignores what Courier, Cyrus and Proton's bridge change. traits.go notes which of a message's features a server may
// change, so that a report can name what changed.
package fingerprint

import (
	"bytes"
	"io"
	"slices"
)

// Fingerprint identifies a text on a server that may have altered it.
type Fingerprint struct{ exact, Normalized Digest }

// Levels are the ways in which two texts can be the same message, the most certain first. Callers try a later level
// only for texts that have no match at an earlier one.
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

// inPieces writes in pieces, because each digester copies what is written to it: a message that is in memory would be
// copied whole by each of them.
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

// HeaderLimit is the number of bytes of a header that are compared. The archive returns up to 256 KiB of a header.
const HeaderLimit = 128 << 10

// OfHeader returns the normalized digest of a header. It only selects the messages whose bytes are worth comparing.
// Empty lines at the end do not count, because a server may add a missing one.
func OfHeader(header []byte) Digest {
	b := newNormalizer()
	b.left = HeaderLimit
	b.Write(bytes.TrimRight(header, "\r\n"))
	return b.sum()
}
