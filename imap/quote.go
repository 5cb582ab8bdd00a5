package imap

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

func quotable(s string) bool {
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

func quote(s string) string { return `"` + quoting.Replace(s) + `"` }

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// exactWriter makes sure that a literal has the length that was announced.
type exactWriter struct {
	w    io.Writer
	left int64
	err  error // of w
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > e.left {
		return 0, errors.New("more bytes than the literal announced")
	}
	n, err := e.w.Write(p)
	e.left -= int64(n)
	e.err = err
	return n, err
}

// printable bounds a server's words and takes out what a terminal would obey.
func printable(text string) string {
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
