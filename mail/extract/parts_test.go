package extract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail/extract"
)

// A message is shown in the order of its parts, with the HTML of each beside its text.
func TestParts(t *testing.T) {
	const alternative = "Content-Type: multipart/alternative; boundary=a"
	for _, c := range []struct {
		name    string
		message []byte
		want    string // text<HTML> of each
	}{
		{"plain", join("", "text"), "text<>"},
		{"HTML", join("Content-Type: text/html; charset=iso-8859-1", "", "<p>Gr\xfc\xdfe"), "Grüße<<p>Grüße\r\n>"},
		{"alternatives", join(alternative, "", "--a", "", "plain", "--a", "Content-Type: text/html", "", "<b>rich", "--a--"), "plain<<b>rich>"},
		{"alternatives of text", join(alternative, "", "--a", "", "one", "--a", "Content-Type: text/calendar", "", "SUMMARY:two", "--a--"), "one<>"},
		{"related", join(alternative, "", "--a", "", "plain", "--a", "Content-Type: multipart/related; boundary=r", "", "--r", "Content-Type: text/html", "",
			"<img src=cid:1>", "--r", "Content-Type: image/png", "Content-ID: <1>", "", "1234", "--r--", "--a--"), "plain<<img src=cid:1>>"},
		{"mixed", join("Content-Type: multipart/mixed; boundary=a", "", "--a", "", "one", "--a", "Content-Type: text/html", "", "<i>two", "--a",
			"Content-Disposition: attachment", "", "no", "--a", "", "three", "--a--"), "one<>|two<<i>two>|three<>"},
		{"message", join("Content-Type: message/rfc822", "", "From: a", "Subject: b", "", "text"), "[a b]text<>"},
		{"empty", join("", ""), ""},
	} {
		parts, truncated := extract.Parts(c.message)
		var got []string
		for _, p := range parts {
			heading := ""
			if p.Within != nil {
				heading = fmt.Sprintf("[%s %s]", p.Within.From, p.Within.Subject)
			}
			got = append(got, heading+p.Text+"<"+p.HTML+">")
		}
		if text := strings.Join(got, "|"); text != c.want || truncated {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

// Texts of any message are bounded together.
func TestPartsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=a\r\n\r\n")
	for range 20 {
		b.WriteString("--a\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<p>word", 200_000) + "\r\n")
	}
	parts, truncated := extract.Parts([]byte(b.String()))
	size := 0
	for _, p := range parts {
		size += len(p.Text) + len(p.HTML)
	}
	if size > extract.MaxText || !truncated {
		t.Errorf("%d bytes, truncated %v", size, truncated)
	}
}
