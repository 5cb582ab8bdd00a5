package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
)

// A list shows which messages have attachments: files, but neither signatures nor the images of a
// text.
func TestListsShowAttachments(t *testing.T) {
	of := func(kind string, parts ...string) string {
		return "Content-Type: multipart/" + kind + "; boundary=b\r\n\r\n--b\r\n" + strings.Join(parts, "\r\n--b\r\n") + "\r\n--b--\r\n"
	}
	base64 := "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("A", 76)+"\r\n", 100)
	text, html, pdf := "Content-Type: text/plain\r\n\r\nhello", "Content-Type: text/html\r\n\r\n<p>hello", "Content-Type: application/pdf"+base64
	nested := strings.NewReplacer("=b\r", "=c\r", "--b", "--c")
	image := "Content-Type: image/png\r\nContent-ID: <a>"
	long := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("a long text\r\n", 30_000)
	messages := []struct {
		body  string
		files bool
	}{
		{text, false}, {"\r\nno header", false}, {of("alternative", text, html), false}, {of("mixed", text, "Content-Type: text/plain\r\n\r\na footer"), false},
		{of("mixed", text, pdf), true}, {of("mixed", text, strings.Replace(text, "\r\n\r\n", "; name=a.txt\r\n\r\n", 1)), true},
		{of("related", html, image+base64), false}, {of("related", html, image+"\r\nContent-Disposition: attachment"+base64), true},
		{of("signed", text, "Content-Type: application/pgp-signature\r\n\r\nx"), false}, {of("mixed", text, "Content-Type: message/rfc822\r\n\r\n"+text), false},
		{of("alternative", text, nested.Replace(of("mixed", html, pdf))), true}, {pdf, true}, {"Content-Disposition: attachment\r\n" + text, true},
		{of("mixed", long, pdf), true}, {of("mixed", long, text), false},
	}
	a := archivetest.NewAccount()
	for i, m := range messages {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: list %d.\r\n", i) + m.body)
	}
	b := open(t, archived(t, a, func() {}))
	const sign = `aria-label="with attachments"`
	for _, list := range []string{address("mailbox", "a", account, "m", "INBOX"), address("search", "a", account, "q", "in:INBOX")} {
		pieces := strings.Split(b.get(list), `<td role="cell" class="subject">`)
		if strings.HasPrefix(list, "search") {
			pieces = strings.Split(b.get(list), `<p class="what">`)
		}
		if len(pieces) != len(messages)+1 {
			t.Fatalf("%s has %d messages, want %d", list, len(pieces)-1, len(messages))
		}
		for i, m := range messages {
			for _, piece := range pieces[1:] {
				if strings.Contains(piece, fmt.Sprintf(">list %d.<", i)) && strings.Contains(piece, sign) != m.files {
					t.Errorf("%s: message %d has a sign: %v, want %v", list, i, !m.files, m.files)
				}
			}
		}
	}
}
