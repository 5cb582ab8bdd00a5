package extract

import "strings"

// enrichedText returns the text of text/enriched (RFC 1896) or text/richtext (RFC 1341): commands
// in angle brackets are left out, and so are their parameters.
func enrichedText(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if strings.HasPrefix(rest, "<") {
			b.WriteByte('<')
			text = rest[1:]
			continue
		}
		command, after, found := strings.Cut(rest, ">")
		switch {
		case !found:
			return b.String()
		case strings.EqualFold(command, "param"):
			_, after, _ = strings.Cut(after, "</param>")
		case strings.EqualFold(command, "lt"): // text/richtext
			b.WriteByte('<')
		case strings.EqualFold(command, "nl") || strings.EqualFold(command, "paragraph"):
			b.WriteByte('\n')
		}
		text = after
	}
}
