package search

import (
	"iter"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// The names of attachments are in the headers of MIME parts, and these are in the Text parts of a
// message, because base64 is stored in parts of its own. The search does not parse the MIME
// structure. It takes every line that looks like a field Content-Disposition or Content-Type for
// one. So it finds names in forwarded and in malformed messages, and also in a text that quotes
// such lines.
//
//	Header   Content-Type: multipart/mixed …                 else there is nothing but the header to read
//	Text     --b CRLF Content-Type: text/plain … CRLF Content-Disposition: attachment; filename="a.pdf" …
//	Base64   (the attachment)
//	Text     --b CRLF Content-Disposition: …

const (
	// textEdge is the number of chunks that are read at each end of a Text part, some half a MiB.
	// The fields of an attachment are near an end, unless the attachment is text itself.
	textEdge = 8

	// maxTextChunks bounds the chunks of text that are read of one message.
	maxTextChunks = 300
)

// textRanges returns the chunks of a message's text that are searched for names, in ranges that are
// searched one by one.
func textRanges(parts []manifest.Part) [][]chunk.ID {
	var ranges [][]chunk.ID
	room := maxTextChunks
	for _, part := range parts {
		if part.Kind != mail.TextPart {
			continue
		}
		pieces := [][]chunk.ID{part.Chunks}
		if n := len(part.Chunks); n > 2*textEdge {
			pieces = [][]chunk.ID{part.Chunks[:textEdge], part.Chunks[n-textEdge:]}
		}
		for _, ids := range pieces {
			if room -= len(ids); room < 0 {
				return ranges
			}
			ranges = append(ranges, ids)
		}
	}
	return ranges
}

// isMultipart reports whether a message can have attachments.
func isMultipart(text []byte) bool {
	for kind := range header.Texts(text, "Content-Type") {
		kind = strings.ToLower(kind)
		if strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
			return true
		}
	}
	return false
}

// attachmentNames yields the names that fields in a text give to parts.
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

// NameContains reports whether a query for a text in the names of attachments matches a name.
func NameContains(name, text string) bool {
	wanted := newTerm(text)
	return wanted.isIn(name)
}
