package browsertest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

func itoa(n int) string { return strconv.Itoa(n) }

const newsletter = "From: =?utf-8?q?Gartenverein_S=C3=BCd?= <news@garden.example>\r\nTo: anna@mail.example\r\nSubject: Seeds, soil and the plan for spring\r\n" +
	"Date: Thu, 12 Mar 2026 18:30:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" +
	"Content-Type: text/html; charset=utf-8\r\n\r\n" +
	`<body bgcolor="#eef3ea"><table width="600" align="center" cellpadding="16" bgcolor="#ffffff"><tr><td style="font-family:Georgia,serif;border-bottom:3px solid #3d6b35">` +
	`<h1 style="color:#3d6b35;margin:0">Spring is near</h1><p style="color:#666">News of the garden, March</p></td></tr><tr><td><p>Dear Anna,</p>` +
	`<p>the seeds have come. <a href="https://garden.example/plan?year=2026">Here is the plan</a> for all beds.</p><img src="https://garden.example/pixel.gif" width="1" height="1" alt="">` +
	`<p><img src="https://garden.example/tulips.jpg" width="560" height="200" alt="Tulips in a row"></p><ul><li>Beans<li>Peas<li>Tomatoes</ul></td></tr></table>` +
	"\r\n--m\r\nContent-Type: application/pdf; name=\"plan.pdf\"\r\nContent-Disposition: attachment; filename=\"plan.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"JVBERi0xLjQK\r\n--m--\r\n"

// sample archives an account on three nights: mail comes, and some of it goes.
func sample(t *testing.T) view.Archives {
	t.Helper()
	a := archivetest.NewAccount()
	people := []string{"Ben Ahlers <ben@mail.example>", "=?utf-8?q?Zo=C3=AB?= <zoe@mail.example>", "The list <list@lists.example>", "\"A name that is so long that it does not fit\" <long@mail.example>"}
	subjects := []string{"Plan for Thursday", "Re: Plan for Thursday", "[list] A subject that is much longer than what fits into one line of a list of messages, also on a wide screen", "Minutes", ""}
	add := func(mailbox string, n int) {
		for i := range n {
			box := a.Mailbox(mailbox)
			m := box.Add(fmt.Sprintf("From: %s\r\nTo: anna@mail.example\r\nSubject: %s\r\nDate: Thu, 12 Mar 2026 0%d:12:00 +0000\r\nContent-Type: text/plain\r\n\r\nThe plan of day %d:\r\n\r\n> what was said before\r\n\r\n%s\r\n",
				people[i%len(people)], subjects[i%len(subjects)], i%10, i, strings.Repeat("a word and another ", 1+i%40)), [][]string{{`\Seen`}, {`\Flagged`}, {`\Seen`, "$Important"}, {}}[i%4]...)
			m.Date = time.Date(2026, 3, 1, i%24, i%60, 0, 0, time.UTC).AddDate(0, 0, -i).Format("_2-Jan-2006 15:04:05 -0700")
		}
	}
	return archived(t, a,
		func() { add("INBOX", 130); add("Archive/2025", 12); a.Mailbox("Empty"); add("Gr&APw-n", 3) },
		func() { add("INBOX", 5); a.Mailbox("INBOX").Expunge(3) },
		func() {
			a.Mailbox("INBOX").Add(newsletter, `\Flagged`).Date = "12-Mar-2026 18:30:00 +0100"
			add("Sent", 4)
		})
}
