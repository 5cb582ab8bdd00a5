package wire

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// Quotable reports whether a string can be sent as a quoted string (RFC 9051 section 4.3). Others
// are sent as literals.
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

// Quote returns a quotable string in quotes.
func Quote(s string) string { return `"` + quoting.Replace(s) + `"` }

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// ExactWriter returns an error if more bytes are written than the literal announced.
type ExactWriter struct {
	W    io.Writer
	Left int64
	Err  error // of W
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

// PrintableName returns a mailbox's name as people know it.
func PrintableName(raw string) string {
	if name, ok := mail.DecodeName(raw); ok {
		return printable.Text(name)
	}
	return printable.Text(raw)
}

// IsAtom reports whether s is an atom (RFC 9051 section 9).
func IsAtom(s string) bool {
	return s != "" && IsSendable(s) && !strings.ContainsAny(s, "%*]") && isASCII(s)
}

// IsSendable reports whether a keyword can be part of a command.
func IsSendable(keyword string) bool {
	return !strings.ContainsAny(keyword, "(){ \"\\\x7f") &&
		strings.IndexFunc(keyword, func(r rune) bool { return r < ' ' }) < 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
