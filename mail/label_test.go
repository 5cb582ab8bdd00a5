package mail

import (
	"strings"
	"testing"
)

// LabelKeyword returns a keyword that is valid in every command, and KeywordLabel inverts it.
func FuzzLabelKeyword(f *testing.F) {
	for _, label := range []string{`\Inbox`, "Work/2026", "Entw&APw-rfe", `say "hi"`, "=41", "$Junk", "a]b", "", "\xff\x00", "NIL"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		keyword := LabelKeyword(label)
		if strings.ContainsAny(keyword, "(){ %*\"\\]$\x7f") || strings.ContainsFunc(keyword, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q becomes %q", label, keyword)
		}
		if back, ok := KeywordLabel(keyword); !ok || back != label {
			t.Errorf("%q became %q, and that %q", label, keyword, back)
		}
		if back, ok := KeywordLabel(label); ok && LabelKeyword(back) != label {
			t.Errorf("%q is read as %q, which is written otherwise", label, back)
		}
	})
}
