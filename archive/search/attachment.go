package search

import (
	"iter"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// The names of attachments are in the headers of a message's MIME parts, and these are in its Text parts: what is base64
// is stored apart. No MIME structure is followed. Every line that reads like the field Content-Disposition or
// Content-Type is taken for one, so names are found in forwarded messages and in malformed ones too, and in a text that
// quotes such lines.
//
//	Header   Content-Type: multipart/mixed …                 else there is nothing but the header to read
//	Text     --b CRLF Content-Type: text/plain … CRLF Content-Disposition: attachment; filename="a.pdf" …
//	Base64   (the attachment)
//	Text     --b CRLF Content-Disposition: …

const (
	// textEdge is how many chunks are read of a Text part from each of its ends; half a MiB or so. What encloses an
	// attachment is near an end, unless the attachment is text itself.
	textEdge = 8

	// maxTextChunks is how many chunks of text are read of one message.
	maxTextChunks = 300
)

// textRanges are the chunks of a message's text that are searched for names: stretches that are read on their own.
func textRanges(parts []manifest.Part) [][]chunk.ID {
	var stretches [][]chunk.ID
	room := maxTextChunks
	for _, part := range parts {
		if part.Kind != mail.TextPart {
			continue
		}
		stretch := [][]chunk.ID{part.Chunks}
		if n := len(part.Chunks); n > 2*textEdge {
			stretch = [][]chunk.ID{part.Chunks[:textEdge], part.Chunks[n-textEdge:]}
		}
		for _, ids := range stretch {
			if room -= len(ids); room < 0 {
				return stretches
			}
			stretches = append(stretches, ids)
		}
	}
	return stretches
}

// isMultipart reports whether a message can have attachments beside that which it is itself.
func isMultipart(text []byte) bool {
	for kind := range header.Texts(text, "Content-Type") {
		kind = strings.ToLower(kind)
		if strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
			return true
		}
	}
	return false
}

// attachmentNames are the names that fields in this text give to parts.
func attachmentNames(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, value := range header.Fields(text) {
			if !strings.EqualFold(name, "Content-Disposition") && !strings.EqualFold(name, "Content-Type") {
				continue
			}
			for attribute, name := range header.Parameters(value) {
				if (attribute == "name" || attribute == "filename") && !yield(name) {
					return
				}
			}
		}
	}
}
