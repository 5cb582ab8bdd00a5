package header

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// Parameters returns the decoded parameters of a field (RFC 2045 section 5.1, RFC 2231). It also decodes encoded words within
// quotes, which no RFC allows and many programs write. It skips what it cannot read.
func Parameters(value string) map[string]string {
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
		found[base] = joinSections(sections) // prefer what is encoded properly
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

// joinSections joins the sections of a value in the order of their numbers. The first names the character set.
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
