package archive

import (
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// LaneOf says which chunks are compressed together: those of like parts. A decoded body that reads as text lies with the
// text: it is mostly a message in another charset, that quotes and is quoted, or a log. Beside photographs it would take
// nearly twice the bytes.
func LaneOf(kind mail.PartKind, data []byte) repo.Lane {
	switch {
	case kind == mail.HeaderPart:
		return repo.LaneHeader
	case kind == mail.TextPart || readsAsText(data):
		return repo.LaneText
	}
	return repo.LaneBody
}

// textProbe is how much is looked at to tell text from other content.
const textProbe = 512

// readsAsText reports whether control characters are rare: they make a tenth of what is compressed or encrypted, and
// begin every image.
func readsAsText(data []byte) bool {
	probe := data[:min(len(data), textProbe)]
	controls := 0
	for _, b := range probe {
		if b < ' ' && (b < '\t' || b > '\r') {
			controls++
		}
	}
	return controls*50 < len(probe)
}
