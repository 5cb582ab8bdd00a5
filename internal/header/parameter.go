package header

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/mail/charset"
)

// Parameter is a parameter of a field as the field has it, without quotes. Name is in lower case
// and can have a section and an asterisk (RFC 2231): "filename*0*".
type Parameter struct{ Name, Value string }

// Value returns what comes before the parameters of a field.
func Value(field string) string {
	value, _, _ := strings.Cut(field, ";")
	return strings.TrimSpace(value)
}

// RawParameters returns the parameters of a field (RFC 2045 section 5.1) in their order. It skips
// what it cannot read.
func RawParameters(field string) (list []Parameter) {
	_, rest, _ := strings.Cut(field, ";")
	for rest != "" {
		var p Parameter
		p.Name, p.Value, rest = nextParameter(rest)
		if p.Name != "" {
			list = append(list, p)
		}
	}
	return list
}

// Parameters returns the decoded parameters of a field by their names (RFC 2231). It also decodes
// encoded words within quotes, which no RFC allows and many programs write.
func Parameters(field string) map[string]string {
	sections := make(map[string][]Parameter)
	for _, p := range RawParameters(field) {
		if base, _, _, ok := sectionOf(p.Name); ok {
			sections[base] = append(sections[base], p)
		}
	}
	found := make(map[string]string, len(sections))
	for base, list := range sections {
		found[base] = DecodedParameter(list, base)
	}
	return found
}

// DecodedParameter returns the decoded value of the parameter of that name, which can be in several
// sections. A value that is encoded as RFC 2231 has it is preferred. Of others the first counts.
func DecodedParameter(list []Parameter, name string) string {
	var pieces map[int]piece // by section
	plain, found := "", false
	for _, p := range list {
		if !strings.HasPrefix(p.Name, name) {
			continue
		}
		base, section, encoded, ok := sectionOf(p.Name)
		switch {
		case !ok || base != name:
		case section >= 0 || encoded:
			if pieces == nil {
				pieces = make(map[int]piece)
			}
			pieces[max(0, section)] = piece{p.Value, encoded}
		case !found:
			plain, found = p.Value, true
		}
	}
	if pieces != nil {
		return joinSections(pieces)
	}
	return decodeWords(plain)
}

// nextParameter reads "attribute=value" up to the next semicolon. In quotes only those backslashes
// escape that must: some programs put paths there.
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

// sectionOf reads the name of a parameter as RFC 2231 has it: "name", "name*", "name*0", "name*0*".
// section is -1 where there is only one.
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

// joinSections joins the sections of a value in the order of their numbers. The first names the
// character set. Programs that cut encoded words into sections exist.
func joinSections(sections map[int]piece) string {
	var b []byte
	set, encoded := "", false
	for i, n := range slices.Sorted(maps.Keys(sections)) {
		p := sections[n]
		if p.encoded && i == 0 {
			if parts := strings.SplitN(p.text, "'", 3); len(parts) == 3 {
				set, p.text = parts[0], parts[2]
			}
		}
		if encoded = encoded || p.encoded; p.encoded {
			b = appendUnescaped(b, p.text)
		} else {
			b = append(b, p.text...)
		}
	}
	if !encoded {
		return decodeWords(string(b))
	}
	return charset.Decode(set, b)
}

// appendUnescaped appends a text with its percent escapes decoded. A percent sign that begins
// nothing stays as it is.
func appendUnescaped(b []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			c = hexValue(text[i+1])<<4 | hexValue(text[i+2])
			i += 2
		}
		b = append(b, c)
	}
	return b
}
