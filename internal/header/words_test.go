package header_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/header"
)

// Encoded words are decoded, also those that are broken in the usual ways; others stay as they are.
func TestWords(t *testing.T) {
	for value, want := range map[string]string{
		"=?utf-8?q?a_b=C3=BC?=":                         "a bü",
		"=?utf-8*de?Q?=C3=bc?=":                         "ü",
		"=?utf-8?b?w7w?=":                               "ü", // without padding
		"=?utf-8?q?=C3?= =?UTF-8?q?=BC?=":               "ü", // a character in two words
		"=?utf-8?b?w7w=?= =?iso-8859-1?q?=E4?=":         "üä",
		"=?utf-8?q?a?= b =?utf-8?q?c?=":                 "a b c",
		"x=?utf-8?q?a?=y":                               "xay",
		"=?utf-8?q?a b?=":                               "a b", // a blank, which is not allowed
		"=?utf-8?q?a?b?=":                               "a?b",
		"=?no-such?q?a=FC?= =?utf-8?q?=C3=BC?=":         "=?no-such?q?a=FC?= ü",
		"=?no-such?q?a=C3?= =?no-such?q?=BC?=":          "=?no-such?q?a=C3?= =?no-such?q?=BC?=",
		"=?no-such?b?YcO8?= =?utf-8?q?=C3=BC?=":         "aüü",
		"=?utf-8?x?a?=":                                 "=?utf-8?x?a?=",
		"=?utf-8?q?a":                                   "=?utf-8?q?a",
		"=?utf-8?q?=zz?=":                               "=zz",
		"=?unknown-8bit?q?Gr=FC=DF?=":                   "Grüß",
		"=?iso-2022-jp?b?GyRCJDMkcxsoQg==?=":            "こん",
		"=?gb2312?B?1tA=?=":                             "中",
		"Gr\xfc\xdfe =?utf-8?q?=C3=BC?=":                "Grüße ü",
		"=?=?utf-8?q?a?=":                               "=?a",
		"=?utf-8?q??=":                                  "",
		"=?utf-8?q?" + strings.Repeat("a", 5000) + "?=": strings.Repeat("a", 5000),
	} {
		if got := header.Text([]byte("Subject: "+value+"\r\n"), "Subject"); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// A parameter is decoded in each of the forms that programs write (RFC 2231, RFC 2047).
func TestParameters(t *testing.T) {
	for value, want := range map[string]string{
		`attachment; filename="a b.pdf"`:                                     "a b.pdf",
		`attachment; FileName = a.pdf ; x=y`:                                 "a.pdf",
		`attachment; filename="C:\dir\a.pdf"`:                                `C:\dir\a.pdf`,
		`attachment; filename="a\"b"`:                                        `a"b`,
		`attachment; filename="a`:                                            "a",
		`attachment; filename="=?utf-8?q?=C3=BC?="`:                          "ü",
		`attachment; filename==?utf-8?q?=C3=BC?=`:                            "ü",
		`attachment; filename*=utf-8'de'%C3%BC%`:                             "ü%",
		`attachment; filename*=iso-8859-1''%FC; filename=u`:                  "ü",
		`attachment; filename*1="b"; filename*0="a"`:                         "ab",
		`attachment; filename*0*=utf-8''%C3; filename*1*=%BC; filename*2=.p`: "ü.p",
		`attachment; filename*0="=?utf-8?q?a"; filename*1="b?="`:             "ab",
		`attachment; filename*0*=%FC`:                                        "ü",
		`attachment`:                                                         "",
	} {
		if got := header.Parameters(value)["filename"]; got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

// TestTime requires that values of megabytes take little time.
func TestTime(t *testing.T) {
	for _, unit := range []string{"=?", "=?x?q?", "=?utf-8?q?", "=?utf-8?q?a?=", "a=b;", "*0=b;", "a*1=b;", ";\"", "\n\t", "\n", "a:"} {
		value := strings.Repeat(unit, 1<<20/len(unit))
		begin := time.Now()
		header.Text([]byte("Subject: "+value), "Subject")
		header.Parameters(value)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%q took %v", unit, took)
		}
	}
}

// No header makes the decoders panic.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?q?a?= =?utf-8?b?w7w?=\r\nContent-Type: a; b*0*=utf-8''%41; b*1=\"c\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, value := range header.Fields(text) {
			header.Text(text, name)
			header.Parameters(value)
		}
	})
}
