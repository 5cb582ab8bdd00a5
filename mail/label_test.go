package mail

import (
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
)

// LabelKeyword returns a keyword that is valid in every command, from which quoted-printable gives
// the label again.
func FuzzLabelKeyword(f *testing.F) {
	for _, label := range []string{`\Inbox`, "Work/2026", "Entw&APw-rfe", `say "hi"`, "=41", "$Junk", "a]b", "", "\xff\x00", "NIL"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		keyword := LabelKeyword(label)
		if strings.ContainsAny(keyword, "(){ %*\"\\]$\x7f") || strings.ContainsFunc(keyword, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q becomes %q", label, keyword)
		}
		if back, ok := keywordLabel(keyword); !ok || back != label {
			t.Errorf("%q became %q, and that %q", label, keyword, back)
		}
		if back, ok := keywordLabel(label); ok && LabelKeyword(back) != label {
			t.Errorf("%q is read as %q, which is written otherwise", label, back)
		}
	})
}

// keywordLabel inverts LabelKeyword. It returns ok false for a keyword that LabelKeyword does not
// return.
func keywordLabel(keyword string) (label string, ok bool) {
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(keyword)))
	return string(b), err == nil && LabelKeyword(string(b)) == keyword
}
