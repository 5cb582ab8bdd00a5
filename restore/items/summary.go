package items

import (
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// Summary returns what people call an item: the first SUMMARY of a calendar object, with the beginning of its first DTSTART, or the FN
// of an address object. It is empty if there is none.
func Summary(kind collection.Kind, content []byte) string {
	const most = 256 << 10 // an attachment may follow
	text := strings.ReplaceAll(string(content[:min(len(content), most)]), "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	switch kind {
	case collection.Calendars:
		_, events, _ := strings.Cut(text, "\nBEGIN:V") // what is before are properties of the calendar
		if zone, rest, ok := strings.Cut(events, "END:VTIMEZONE\n"); ok && strings.HasPrefix(zone, "TIMEZONE") {
			events = rest
		}
		return strings.TrimSpace(property(events, "DTSTART") + " " + unescape(property(events, "SUMMARY")))
	case collection.AddressBooks:
		return unescape(property(text, "FN"))
	}
	return ""
}

// property returns the value of the first property of a name.
func property(text, name string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) <= len(name) || !strings.EqualFold(line[:len(name)], name) || line[len(name)] != ':' && line[len(name)] != ';' {
			continue
		}
		quoted := false
		for i := len(name); i < len(line); i++ {
			switch {
			case line[i] == '"':
				quoted = !quoted
			case line[i] == ':' && !quoted:
				return line[i+1:]
			}
		}
	}
	return ""
}

// unescape inverts the escapes of text values (RFC 5545 section 3.3.11, RFC 6350 section 3.4).
func unescape(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\n`, " ", `\N`, " ").Replace(text)
}
