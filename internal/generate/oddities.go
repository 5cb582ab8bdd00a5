package generate

import (
	"fmt"
	"strings"
	"time"
)

// Oddities are messages that nobody should have sent.
func (g *Generator) Oddities() (list []Message) {
	long := strings.Repeat("x", 1<<20)
	base := encoded(g.noise(30_000))
	var parts strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&parts,
			"--b\r\nContent-Type: text/plain; name=%d\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n", i)
	}
	var runs strings.Builder
	for i := range 400 {
		fmt.Fprintf(&runs, "--b\r\n\r\n%s", encoded(g.noise(1000+i)))
	}
	for _, body := range []string{
		"",
		"\r\n",
		"\r\nno header\r\n",
		"Subject: no body",
		"Subject: no body\r\n",
		"no header and no line end",
		"Subject: NUL\r\n\r\na\x00b\r\n",
		"Subject: bare CR\r\n\r\na\rb\r\r\nc\r",
		"Subject: line of 1 MB\r\n\r\n" + long + "\r\nend\r\n",
		"Subject: " + long + "\r\n\r\nheader of 1 MB\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts.String() + "--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + runs.String() + "--b--\r\n",
		"Subject: base64 unterminated\r\n\r\n" + strings.TrimSuffix(base, "\r\n"),
		"Subject: base64 of long lines\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 249)+"\r\n", 20),
		"Subject: base64 with a blank\r\n\r\n" + strings.Replace(base, "\r\n", " \r\n", 20),
		"Subject: base64 with bits that encode nothing\r\n\r\n" + base + "QR==\r\n",
		"From somebody Mon Jan  1 00:00:00 2001\r\nSubject: mbox\r\n\r\n>From here\r\n.\r\n..\r\n",
		"Subject: every byte\r\n\r\n" + everyByte() + "\r\n",
		strings.Repeat("\r\n", 5000),
		"Subject: twice\r\n\r\nthe same\r\n",
		"Subject: twice\r\n\r\nthe same\r\n",
	} {
		list = append(list, Message{[]byte(body), g.flags(), g.date()})
	}
	// The edges of dates.
	for _, seconds := range []int64{0, 1, 1<<31 - 1, 2145916799} {
		body := fmt.Sprintf("Subject: date %d\r\n\r\n", seconds)
		list = append(list, Message{[]byte(body), nil, time.Unix(seconds, 0).UTC()})
	}
	// Every flag there is, and each keyword.
	all := append([]string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`}, keywords...)
	for i := range all {
		list = append(list, Message{fmt.Appendf(nil, "Subject: flags %d\r\n\r\n", i), all[i:], g.date()})
	}
	return list
}

func everyByte() string {
	var b strings.Builder
	for i := 1; i < 256; i++ {
		if i != '\n' && i != '\r' {
			b.WriteByte(byte(i))
		}
	}
	return b.String()
}
