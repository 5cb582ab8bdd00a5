package ingest

import (
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// LaneOf returns the lane of a chunk. Chunks of a lane are compressed together, so like parts share
// one. A decoded body that is text shares the lane of text: it is mostly a message in another
// charset, which quotes others, or a log. In the lane of images it would take nearly twice the
// bytes.
func LaneOf(kind mail.PartKind, data []byte) repo.Lane {
	switch {
	case kind == mail.HeaderPart:
		return repo.LaneHeader
	case kind == mail.TextPart || readsAsText(data):
		return repo.LaneText
	}
	return repo.LaneBody
}

// ItemLane returns the lane of a chunk of an item: a script, an event or a contact.
func ItemLane(data []byte) repo.Lane { return LaneOf(mail.TextPart, data) }

// textProbe is the number of bytes by which text is recognized.
const textProbe = 512

// readsAsText reports whether control characters are rare. They make up a tenth of compressed or
// encrypted content, and are at the beginning of every image.
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
