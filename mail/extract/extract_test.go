package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail/extract"
)

// join returns a message of lines.
func join(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// The text of a message is what people read in it, once for alternatives.
func TestMessage(t *testing.T) {
	for _, c := range []struct {
		name    string
		message []byte
		want    string // the body
	}{
		{"plain", join("Content-Type: text/plain; charset=iso-8859-1", "", "Gr\xfc\xdfe"), "Grüße"},
		{"no charset", join("", "Gr\xfc\xdfe"), "Grüße"},
		{"one damaged byte", join("Content-Type: text/plain; charset=utf-8", "", "Grüße \xe4 schöne"), "Grüße \uFFFD schöne"},
		{"quoted-printable", join("Content-Transfer-Encoding: quoted-printable", "Content-Type: text/plain; charset=utf-8", "", "Gr=C3=BC=", "=C3=9Fe"), "Grüße"},
		{"HTML", join("Content-Type: text/html", "", "<p>W<b>or</b>d<p>two<br>three<td>four<td>fi&shy;ve &lt;&amp;&#x1F600;&nbsp;x<style>no</style><script>no</script><!--no-->"),
			"Word\ntwo\nthree four five <&😀\u00A0x"},
		{"HTML with its charset", join("Content-Type: text/html", "", "<head><META http-equiv=content-type content='text/html; charset=KOI8-R'>\xf0\xd2\xc9"), "При"},
		{"HTML of images", join("Content-Type: text/html", "", "a<img src=x alt='the sea' title=no>b"), "a the sea b"},
		{"HTML without scripts", join("Content-Type: text/html", "", "<noscript><b>text</b></noscript>"), "text"},
		{"alternatives", join("Content-Type: multipart/alternative; boundary=b", "", "--b", "", "plain", "--b", "Content-Type: text/html", "", "<b>HTML", "--b--"),
			"plain|HTML"},
		{"preamble", join("Content-Type: multipart/mixed; boundary=b", "", "no", "--b", "", "one", "--b--", "no"), "one"},
		{"no delimiter", join("Content-Type: multipart/mixed; boundary=b", "", "text"), "text"},
		{"enriched", join("Content-Type: text/enriched", "", "<bold>a</bold> << <color><param>red</param>b</color>"), "a < b"},
		{"calendar", join("Content-Type: text/calendar", "", "BEGIN:VEVENT", "SUMMARY;LANGUAGE=de:Tref", " fen", `DESCRIPTION:one\ntwo\, three`,
			`ATTENDEE;CN="A: B";ROLE=X:mailto:a@example.org`, "UID:no"), "Treffen\none\ntwo, three\nA: B a@example.org"},
		{"message", join("Content-Type: message/rfc822", "", "From: a", "To: b", "Subject: =?utf-8?q?=C3=BC?=", "", "text"), "a\nb\nü|text"},
		{"encoded message", join("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", "U3ViamVjdDogYQoKdGV4dAo="), "a|text"},
		{"report", join("Content-Type: message/delivery-status", "", "Status: 5.0.0"), "Status: 5.0.0"},
		{"broken line of the header", join("Subject: one", "two three", " four", "To: x", "", "text"), "two three\n four|text"},
		{"UTF-7", join("Content-Type: text/plain; charset=utf-7", "", "Gr+APwA3w-e"), "Grüße"},
	} {
		text := extract.Message(context.Background(), c.message, nil)
		if got := strings.Join(text.Body, "|"); got != c.want || len(text.Attachments) > 0 {
			t.Errorf("%s:\n got %q, %v\nwant %q", c.name, got, text.Attachments, c.want)
		}
	}
}

// The header fields that a search has are decoded, and other recipients are not left out.
func TestHeader(t *testing.T) {
	text := extract.Message(context.Background(), join("From: =?utf-8?q?J=C3=BC?= <a@b>", "To: b", "To: c", "Bcc: d", "Cc: e", "Subject: f", " g", "", ""), nil)
	if text.From != "Jü <a@b>" || text.To != "b\nc\nd\ne" || text.Subject != "f g" || len(text.Body) > 0 {
		t.Errorf("%+v", text)
	}
}

// documents reads documents of type x/y, which are their own text. Those that begin with an
// exclamation mark cannot be read.
type documents struct{}

func (documents) Reads(mediaType, name string) bool {
	return mediaType == "application/x" || strings.HasSuffix(name, ".x")
}

func (documents) Text(_ context.Context, _, _ string, document []byte, _ int) (string, error) {
	if bytes.HasPrefix(document, []byte("!")) {
		return "", errors.New("bad")
	}
	return string(document), nil
}

var attachments = join("Content-Type: multipart/mixed; boundary=b", "",
	"--b", "Content-Disposition: attachment; filename*=utf-8''%C3%A4.txt", "Content-Transfer-Encoding: base64", "", "w6Q=",
	"--b", "Content-Type: text/x-patch; name=a.patch", "", "+line",
	"--b", "Content-Type: application/octet-stream; name=b.HTM", "", "<b>x",
	"--b", "Content-Type: application/x", "", "read",
	"--b", "Content-Type: x/y; name=c.x", "", "!",
	"--b", "Content-Type: image/png", "Content-Disposition: inline", "", "1234",
	"--b", "Content-Type: message/rfc822; name=d.eml", "", "Subject: inner", "Content-Type: x/y", "", "12",
	"--b", "Content-Type: application/octet-stream; name=e.eml", "Content-Transfer-Encoding: base64", "", "U3ViamVjdDogYQoKdGV4dAo=",
	"--b--")

// Attachments have their names, types, sizes and texts, also those within attached messages.
func TestAttachments(t *testing.T) {
	list := func(all []extract.Attachment) string {
		var b strings.Builder
		for _, a := range all {
			content, err := io.ReadAll(a.Content())
			if err != nil || int64(len(content)) != a.Size {
				t.Errorf("%s has %d bytes, not %d: %v", a.Name, len(content), a.Size, err)
			}
			fmt.Fprintf(&b, "%s %s %d %q %v\n", a.Name, a.Type, a.Size, a.Text, a.Err)
		}
		return b.String()
	}
	want := "ä.txt text/plain 2 \"ä\" <nil>\na.patch text/x-patch 5 \"+line\" <nil>\nb.HTM application/octet-stream 4 \"x\" <nil>\n" +
		" application/x 4 \"read\" <nil>\nc.x x/y 1 \"\" bad\n image/png 4 \"\" <nil>\n" +
		"d.eml message/rfc822 39 \"\" <nil>\n x/y 2 \"\" <nil>\ne.eml application/octet-stream 17 \"\" <nil>\n"
	text := extract.Message(context.Background(), attachments, documents{})
	if got := list(text.Attachments); got != want {
		t.Errorf("with text:\n%s\nwant\n%s", got, want)
	}
	if got := strings.Join(text.Body, "|"); got != "inner|a|text" {
		t.Errorf("body %q", got)
	}
	bare := list(extract.Attachments(attachments))
	for _, gone := range []string{`"ä"`, `"+line"`, `"x"`, `"read"`} {
		want = strings.Replace(want, gone, `""`, 1)
	}
	if want = strings.Replace(want, "bad", "<nil>", 1); bare != want {
		t.Errorf("without text:\n%s\nwant\n%s", bare, want)
	}
}

// TestCanceled requires that nothing is read after the context is done.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if text := extract.Message(ctx, attachments, documents{}); len(text.Body)+len(text.Attachments) > 0 {
		t.Errorf("%+v", text)
	}
}

// TestHostile requires that messages made to take time or memory take little of both.
func TestHostile(t *testing.T) {
	const html = "Content-Type: text/html\n\n"
	var eml strings.Builder
	for range 100_000 {
		eml.WriteString("Content-Type: application/octet-stream; name=a.eml\n\n")
	}
	var params strings.Builder
	for i := range 500_000 {
		fmt.Fprintf(&params, "; name*%d=a", i%70_000)
	}
	for name, message := range map[string]string{
		"nested tags":         html + strings.Repeat("<div>", 2<<20),
		"nested tags, closed": html + strings.Repeat("<div>", 1<<20) + strings.Repeat("</div>", 1<<20),
		"open tags":           html + strings.Repeat("<", 10<<20),
		"one tag":             html + "<a " + strings.Repeat("b=c ", 3<<20),
		"one image":           html + "<img " + strings.Repeat("alt=c ", 2<<20),
		"open comments":       html + strings.Repeat("<!--", 3<<20),
		"scripts":             html + strings.Repeat("<script><!--<script>", 500_000),
		"open style sheets":   html + strings.Repeat("<style></styl", 800_000),
		"references":          html + strings.Repeat("&#x1F600;", 1<<20),
		"long references":     html + strings.Repeat("&CounterClockwiseContourIntegra", 300_000),
		"meta":                html + strings.Repeat("<meta ", 1<<20),
		"enriched":            "Content-Type: text/enriched\n\n" + strings.Repeat("<param>", 1<<20),
		"calendar":            "Content-Type: text/calendar\n\nSUMMARY:" + strings.Repeat("\n a", 3<<20),
		"text":                "\n" + strings.Repeat("word ", 4<<20),
		"fields":              strings.Repeat("To: =?utf-8?q?a?=\n", 600_000),
		"broken lines":        strings.Repeat("a: b\nc\n", 1<<20),
		"messages":            eml.String(),
		"parameters":          "Content-Type: application/x" + params.String() + "\n\n",
		"attachments":         "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: x/y\n\n", 500_000),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			text := extract.Message(context.Background(), []byte(message), documents{})
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if size := sizeOf(text); size > extract.MaxText {
				t.Errorf("%d bytes of text", size)
			}
		})
	}
}

func sizeOf(text *extract.Text) int {
	size := len(text.From) + len(text.To) + len(text.Subject)
	for _, body := range text.Body {
		size += len(body)
	}
	for _, a := range text.Attachments {
		size += len(a.Text)
	}
	return size
}

// Whatever a message is, its texts are UTF-8 and its attachments have their sizes.
func FuzzMessage(f *testing.F) {
	f.Add(attachments)
	f.Add(join("Content-Type: text/html; charset=utf-7", "", "<p>W<b>or</b>d<noscript>+AOQ-<!--x--><img alt=a>&amp;"))
	f.Add(join("Content-Type: text/calendar", "", "SUMMARY:a", " b", "ATTENDEE;CN=\"a\":x"))
	f.Add(join("Content-Type: text/enriched", "", "<param>a</param><<"))
	f.Fuzz(func(t *testing.T, message []byte) {
		text := extract.Message(context.Background(), message, documents{})
		for _, s := range append(text.Body, text.From, text.To, text.Subject) {
			if strings.ToValidUTF8(s, "") != s {
				t.Fatalf("%q is no UTF-8", s)
			}
		}
		for _, a := range text.Attachments {
			if size, err := io.Copy(io.Discard, a.Content()); err != nil || size != a.Size {
				t.Fatalf("%d bytes, %v, not %d", size, err, a.Size)
			}
		}
	})
}
