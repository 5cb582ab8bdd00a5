package fingerprint

import (
	"bytes"
	"io"
	"slices"
)

// Fingerprint is what a text is known again by on a server that may have altered it.
type Fingerprint struct{ exact, Normalized Digest }

// Levels are the ways in which two texts can be the same message, the surest first: what is the same in a later way is so
// only where nothing is in an earlier one.
var Levels = []func(a, b Fingerprint) bool{
	func(a, b Fingerprint) bool { return a.exact == b.exact },
	func(a, b Fingerprint) bool { return a.Normalized == b.Normalized },
}

// Of digests what write writes.
func Of(write func(io.Writer) error) (Fingerprint, error) {
	exact, blurred := newExactDigester(), newNormalizer()
	err := write(inPieces{io.MultiWriter(exact, blurred)})
	return Fingerprint{exact.sum(), blurred.sum()}, err
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

// HeaderLimit is how much of a header is compared; the archive gives no more than 256 KiB of it.
const HeaderLimit = 128 << 10

// OfHeader digests a header, blurred: it only tells which messages are worth a look at all of their bytes. Empty lines
// at its end do not count: a server may add the one that is missing.
func OfHeader(header []byte) Digest {
	b := newNormalizer()
	b.left = HeaderLimit
	b.Write(bytes.TrimRight(header, "\r\n"))
	return b.sum()
}
