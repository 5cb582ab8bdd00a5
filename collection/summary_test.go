package collection

import (
	"strings"
	"testing"
	"time"
)

// A summary has the title and the time of an event, and the name of a contact, unfolded and
// unescaped.
func TestSummarize(t *testing.T) {
	event := "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Work\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n" +
		"END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTART;TZID=X:20260115T100000\r\n" +
		"SUMMARY;LANGUAGE=\"de:x\":Sitzung\\, Nr. 0 \xc3\r\n \xbc mit Umlaut\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	got := Summarize(Calendars, []byte(event))
	if got.String() != "2026-01-15 10:00 Sitzung, Nr. 0 ü mit Umlaut" || !got.Day().Equal(time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", got, got.Day())
	}
	card := "BEGIN:VCARD\nVERSION:4.0\nitem1.X:1\nFN;X=\"a:b\":Jo\\, M\n üller\nEND:VCARD\n"
	if got := Summarize(AddressBooks, []byte(card)); got.String() != "Jo, Müller" || !got.Day().IsZero() {
		t.Errorf("%+v", got)
	}
	for start, want := range map[string]string{
		"20260309": "2026-03-09", "20260309T100000Z": "2026-03-09 10:00 UTC", "20260309T10": "2026-03-09", "soon": "soon", "": "", "20261399": "20261399",
	} {
		if got := (Summary{Start: start}).When(); got != want {
			t.Errorf("%q is %q, want %q", start, got, want)
		}
	}
	if got := Summarize(Sieve, []byte("keep;")); got != (Summary{}) {
		t.Errorf("%+v", got)
	}
	if day := (Summary{Start: "2026-03-09"}).Day(); !day.IsZero() {
		t.Errorf("%v", day)
	}
}

// FuzzSummarize checks that summaries take any bytes, and are one line.
func FuzzSummarize(f *testing.F) {
	f.Add([]byte("BEGIN:VEVENT\r\nSUMMARY;X=\"a:b\":c\r\n d\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, kind := range []Kind{Sieve, Calendars, AddressBooks} {
			s := Summarize(kind, content)
			if strings.Contains(s.String(), "\n") {
				t.Errorf("%q has several lines", s)
			}
			_ = s.Day()
		}
	})
}
