package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
)

// Attachments are above the text, and the frame of a short text is low.
func TestMessageShowsAttachmentsFirst(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	inbox.Add(strings.Replace(mixed, "text/plain", "text/html", 1))
	inbox.Add("Content-Type: text/html\r\n\r\n" + strings.Repeat("<p>a line</p>\r\n", 100))
	b := open(t, archived(t, a, func() {}))
	text := b.get(address("message", "a", account, "m", "INBOX", "u", "1"))
	must(t, text, "1 attachment</h2>", `class="mail short"`, "UTC")
	if strings.Index(text, "plan.pdf") > strings.Index(text, "<iframe") {
		t.Error("the attachment is below the text")
	}
	must(t, b.get(address("message", "a", account, "m", "INBOX", "u", "2")), `class="mail tall"`, "(no subject)")
	must(t, b.get(address("mailbox", "a", account, "m", "INBOX")), "(no sender)", "(no subject)")
}

// A text without colors of its own is dark where the page is. One that has some stays on white.
func TestFrameIsDarkWithoutColors(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	for _, body := range []string{"<p>plain</p>", `<p style="color: #111">ink</p>`, `<table bgcolor="white"><tr><td>x</td></tr></table>`, `<p style="background: white">x</p>`} {
		inbox.Add("Content-Type: text/html\r\n\r\n" + body + "\r\n")
	}
	b := open(t, archived(t, a, func() {}))
	for i := 1; i <= 4; i++ {
		text := b.get(address("frame", "a", account, "m", "INBOX", "u", fmt.Sprint(i)))
		if dark := strings.Contains(text, "color-scheme:light dark"); dark != (i == 1) {
			t.Errorf("message %d: dark is %v", i, dark)
		}
	}
}

// A search says how far it looked: the number of pages only if it is known, and that the oldest
// messages are left out.
func TestSearchSaysWhereItEnds(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() {
		for i := range 1600 {
			inbox.Add(fmt.Sprintf("Subject: number %d\r\n\r\n", i))
		}
	}))
	at := address("search", "a", account, "q", "in:INBOX")
	must(t, b.get(at), "Page 1, and more follow", "Next →</a>")
	last := b.get(at + "&p=50")
	must(t, last, "Page 50 of 50", "Only the newest 1,500 messages are shown", `<span class="off">Next`)
	mustNot(t, b.get(address("search", "a", account, "q", "in:INBOX smaller:1")), "and more follow")
}
