package attachment

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"plan.pdf":              "plan.pdf",
		"Entwürfe für Köln.odt": "Entwürfe für Köln.odt",
		"../../etc/passwd":      "passwd",
		`C:\Temp\a.exe`:         "a.exe",
		"..":                    "attachment.png",
		"":                      "attachment.png",
		"a/":                    "attachment.png",
		"-rf *":                 "rf _",
		".bashrc":               "bashrc",
		"a\x00b\n\x1b[31m.txt":  "a_b__[31m.txt",
		"gpj.\u202eexe":         "gpj._exe",
		"aux.txt":               "_aux.txt",
		"x. . ":                 "x",
		"\xff\xfe":              "__",
	} {
		if got := fileName(name, "image/png"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("../a.pdf")
	f.Add(strings.Repeat("ü", 300) + ".txt")
	f.Fuzz(func(t *testing.T, name string) {
		got := fileName(name, "application/x-nothing")
		if !filepath.IsLocal(got) || filepath.Base(got) != got || len(got) > 255-len(" (10000)") || !utf8.ValidString(got) || strings.HasPrefix(got, ".") || strings.HasPrefix(got, "-") {
			t.Errorf("%q becomes %q", name, got)
		}
	})
}
