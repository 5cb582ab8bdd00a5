package extract

import "strings"

// calendarText returns what people read of a calendar (RFC 5545): names, places and descriptions of
// events, and who takes part.
func calendarText(calendar string) string {
	var b strings.Builder
	var property []byte
	flush := func() {
		b.WriteString(propertyText(string(property)))
		property = property[:0]
	}
	for line := range strings.Lines(calendar) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			line = line[1:] // section 3.1: a line is folded anywhere, also within a word
		} else {
			flush()
		}
		property = append(property, line...)
	}
	flush()
	return b.String()
}

// propertyText returns the text of a line of a calendar, with a line end, or nothing.
func propertyText(property string) string {
	name, value, ok := cutProperty(property)
	if !ok {
		return ""
	}
	name, params, _ := strings.Cut(name, ";")
	switch strings.ToUpper(name) {
	case "SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT":
		return unescapeCalendar.Replace(value) + "\n"
	case "ATTENDEE", "ORGANIZER":
		if len(value) > len("mailto:") && strings.EqualFold(value[:len("mailto:")], "mailto:") {
			value = value[len("mailto:"):]
		}
		return commonName(params) + " " + value + "\n"
	}
	return ""
}

// cutProperty cuts a line at its first colon that is not in quotes.
func cutProperty(property string) (name, value string, ok bool) {
	quoted := false
	for i := range len(property) {
		switch {
		case property[i] == '"':
			quoted = !quoted
		case property[i] == ':' && !quoted:
			return property[:i], property[i+1:], true
		}
	}
	return "", "", false
}

// commonName returns the parameter CN.
func commonName(params string) string {
	for param := range strings.SplitSeq(params, ";") {
		if name, value, _ := strings.Cut(param, "="); strings.EqualFold(name, "CN") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// unescapeCalendar decodes the escapes of text (section 3.3.11).
var unescapeCalendar = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)
