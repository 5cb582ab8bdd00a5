package header_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/internal/header"
)

func TestText(t *testing.T) {
	text := []byte("subject : =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?5A==?=\r\n aus\r\n\tK=C3=B6ln\r\n" +
		"Subjects: other\r\nFrom: \"A, B\" <a@example.org>\r\nX-Empty:\r\nTo: =?no-such-charset?q?x?=\r\n\r\nFrom: body\r\n")
	for name, want := range map[string]string{
		"Subject": "Grüßeä aus K=C3=B6ln",
		"FROM":    `"A, B" <a@example.org>`,
		"X-Empty": "", "Cc": "",
		"To": "=?no-such-charset?q?x?=",
	} {
		if got := header.Text(text, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
