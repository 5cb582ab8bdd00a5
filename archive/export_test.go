package archive

import "github.com/mailstrata/mailstrata/chunk"

// What the tests look at that is nobody else's business.

var (
	AttachmentNames = attachmentNames
	TextStretches   = textStretches
)

const (
	TextChunks = textChunks
	TextEdge   = textEdge
)

// Lonely yields the messages that were removed, and those that were added, once for each copy.
func (d *Difference) Lonely() (removed, added []chunk.ID) {
	return alone(d.gone), alone(d.come)
}

func alone(rows []diffRow) (hashes []chunk.ID) {
	for _, row := range rows {
		if row.peer == 0 {
			hashes = append(hashes, row.hash)
		}
	}
	return hashes
}
