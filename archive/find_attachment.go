package archive

import (
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/mailstrata/mailstrata/chunk"
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

	// textChunks is how many chunks of text are read of one message.
	textChunks = 300
)

// textStretches are the chunks of a message's text that are searched for names: stretches that are read on their own.
func textStretches(parts []manifest.Part) [][]chunk.ID {
	var stretches [][]chunk.ID
	room := textChunks
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
func isMultipart(header []byte) bool {
	for kind := range headerTexts(header, "Content-Type") {
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
		for name, value := range fields(text) {
			if !strings.EqualFold(name, "Content-Disposition") && !strings.EqualFold(name, "Content-Type") {
				continue
			}
			for attribute, name := range parameters(value) {
				if (attribute == "name" || attribute == "filename") && !yield(name) {
					return
				}
			}
		}
	}
}

// parameters are the parameters of a field, decoded: RFC 2045 section 5.1, RFC 2231, and, what no RFC allows and many
// programs do, encoded words within quotes. What cannot be read is passed over.
func parameters(value string) map[string]string {
	found := make(map[string]string)
	pieces := make(map[string]map[int]piece) // of values in several sections
	_, rest, _ := strings.Cut(value, ";")
	for rest != "" {
		var attribute, text string
		attribute, text, rest = nextParameter(rest)
		base, section, encoded, ok := sectionOf(attribute)
		switch {
		case !ok:
		case section < 0 && !encoded:
			if _, twice := found[base]; !twice {
				found[base] = decodeWords(text)
			}
		default:
			if pieces[base] == nil {
				pieces[base] = make(map[int]piece)
			}
			pieces[base][max(0, section)] = piece{text, encoded}
		}
	}
	for base, sections := range pieces {
		found[base] = joinSections(sections) // what is encoded properly counts more
	}
	return found
}

// nextParameter reads "attribute=value" up to the next semicolon. In quotes only those backslashes escape that must:
// some programs put paths there.
func nextParameter(text string) (attribute, value, rest string) {
	text = strings.TrimLeft(text, "; \t")
	at := strings.IndexAny(text, "=;")
	if at < 0 || text[at] == ';' {
		_, rest, _ = strings.Cut(text, ";")
		return "", "", rest
	}
	attribute = strings.ToLower(strings.TrimSpace(text[:at]))
	text = strings.TrimLeft(text[at+1:], " \t")
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ";")
		return attribute, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	i := 1
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\') {
			i++
		}
		b.WriteByte(text[i])
		i++
	}
	_, rest, _ = strings.Cut(text[min(i, len(text)):], ";")
	return attribute, b.String(), rest
}

// sectionOf reads the name of a parameter as RFC 2231 has it: "name", "name*", "name*0", "name*0*". section is -1 where
// there is but one.
func sectionOf(attribute string) (base string, section int, encoded, ok bool) {
	attribute, encoded = strings.CutSuffix(attribute, "*")
	base, number, several := strings.Cut(attribute, "*")
	if !several {
		return base, -1, encoded, base != ""
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return base, int(n), encoded, err == nil && base != ""
}

// piece is one section of a value.
type piece struct {
	text    string
	encoded bool
}

// joinSections joins the sections of a value in the order of their numbers. The first tells the character set.
func joinSections(sections map[int]piece) string {
	var b strings.Builder
	charset := ""
	for i, n := range slices.Sorted(maps.Keys(sections)) {
		p := sections[n]
		if p.encoded && i == 0 {
			if parts := strings.SplitN(p.text, "'", 3); len(parts) == 3 {
				charset, p.text = parts[0], parts[2]
			}
		}
		if text, err := url.PathUnescape(p.text); p.encoded && err == nil {
			p.text = text
		}
		b.WriteString(p.text)
	}
	if encoding, err := htmlindex.Get(charset); err == nil {
		if decoded, err := encoding.NewDecoder().String(b.String()); err == nil {
			return decoded
		}
	}
	return utf8Text(b.String())
}
