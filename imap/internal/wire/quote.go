package wire

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

func Quotable(s string) bool {
	if len(s) > 1000 {
		return false
	}
	for i := range len(s) {
		if s[i] == 0 || s[i] == '\r' || s[i] == '\n' || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func Quote(s string) string { return `"` + quoting.Replace(s) + `"` }

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// ExactWriter makes sure that a literal has the length that was announced.
type ExactWriter struct {
	W    io.Writer
	Left int64
	Err  error // of w
}

func (e *ExactWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > e.Left {
		return 0, errors.New("more bytes than the literal announced")
	}
	n, err := e.W.Write(p)
	e.Left -= int64(n)
	e.Err = err
	return n, err
}

// Printable bounds a server's words and takes out what a terminal would obey.
func Printable(text string) string {
	const enough = 300
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(clean); len(runes) > enough {
		return string(runes[:enough]) + "…"
	}
	return clean
}

// PrintableName is a mailbox's name as people know it.
func PrintableName(raw string) string {
	if name, ok := mail.DecodeName(raw); ok {
		return Printable(name)
	}
	return Printable(raw)
}

// IsAtom: RFC 9051 section 9, atom.
func IsAtom(s string) bool {
	return s != "" && IsSendable(s) && !strings.ContainsAny(s, "%*]") && isASCII(s)
}

// IsSendable: can stand in a command without breaking it.
func IsSendable(keyword string) bool {
	return !strings.ContainsAny(keyword, "(){ \"\\\x7f") && strings.IndexFunc(keyword, func(r rune) bool { return r < ' ' }) < 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
