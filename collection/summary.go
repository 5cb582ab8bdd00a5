package collection

import (
	"strings"
	"time"
)

// Summary is what people call an item, and when it is.
type Summary struct {
	Name  string // the first SUMMARY of a calendar object, or the FN of an address object
	Start string // the beginning of its first DTSTART, as it is written there, such as 20260309T100000Z
}

// Summarize returns the summary of a content. It is empty for a script, and if there is none.
func Summarize(kind Kind, content []byte) (s Summary) {
	const most = 256 << 10 // an attachment may follow
	text := strings.ReplaceAll(string(content[:min(len(content), most)]), "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	switch kind {
	case Calendars:
		_, events, _ := strings.Cut(text, "\nBEGIN:V") // what is before are properties of the calendar
		if zone, rest, ok := strings.Cut(events, "END:VTIMEZONE\n"); ok && strings.HasPrefix(zone, "TIMEZONE") {
			events = rest
		}
		s.Start, s.Name = strings.TrimSpace(property(events, "DTSTART")), strings.TrimSpace(unescape(property(events, "SUMMARY")))
	case AddressBooks:
		s.Name = unescape(property(text, "FN"))
	}
	return s
}

// String returns the summary in one line.
func (s Summary) String() string { return strings.TrimSpace(s.When() + " " + s.Name) }

// When returns the start for people: 2026-03-09, 2026-03-09 10:00, or 2026-03-09 10:00 UTC. A start
// without UTC is in the time zone of the event. What is no start is returned as it is.
func (s Summary) When() string {
	day := s.Day()
	if day.IsZero() {
		return s.Start
	}
	text := day.Format(time.DateOnly)
	if _, clock, ok := strings.Cut(s.Start, "T"); ok && len(clock) >= 4 {
		text += " " + clock[:2] + ":" + clock[2:4]
		if strings.HasSuffix(clock, "Z") {
			text += " UTC"
		}
	}
	return text
}

// Day returns the day of the start, in the time zone that it is written in. It is the zero time if
// there is none.
func (s Summary) Day() time.Time {
	const form = "20060102"
	if len(s.Start) < len(form) {
		return time.Time{}
	}
	day, err := time.Parse(form, s.Start[:len(form)])
	if err != nil {
		return time.Time{}
	}
	return day
}

// property returns the value of the first property of a name.
func property(text, name string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) <= len(name) || !strings.EqualFold(line[:len(name)], name) ||
			line[len(name)] != ':' && line[len(name)] != ';' {
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
