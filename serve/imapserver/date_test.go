package imapserver

import (
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// Each date is a date-time (RFC 9051 section 9), whatever the archived server wrote.
func TestDateText(t *testing.T) {
	for raw, want := range map[string]string{
		"17-Jul-1996 02:44:25 -0700": "17-Jul-1996 02:44:25 -0700",
		"17-JUL-1996 02:44:25 -0700": "17-Jul-1996 02:44:25 -0700",
		"31-Dec-2016 23:59:60 GMT":   " 1-Jan-2017 00:00:00 +0000",
		"7-Jul-1996 02:44:25 EST":    " 7-Jul-1996 02:44:25 -0500",
		"17-Jul-1996 02:44:25":       " 1-Jan-1970 00:00:00 +0000",
		"a\"b\r\n":                   " 1-Jan-1970 00:00:00 +0000",
		"":                           " 1-Jan-1970 00:00:00 +0000",
	} {
		if have := dateText(mail.ParseDate(raw).Resolved()); have != want {
			t.Errorf("%q: have %q, want %q", raw, have, want)
		}
	}
}
