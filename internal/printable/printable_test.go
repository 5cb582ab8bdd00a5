package printable_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// A text of a server cannot move the cursor of a terminal, begin a line, or fill the screen.
func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"Größe":                    "Größe",
		"one\ttwo\r\nthree":        "one two  three",
		"\x1b[2Jgone\x00\x7f":      "[2Jgone",
		"\u009b2Jgone\u0080":       "2Jgone", // \u009b is ESC [ as one character
		"not UTF-8: \xff\xfe.":     "not UTF-8: ?.",
		strings.Repeat("ü", 300):   strings.Repeat("ü", 300),
		strings.Repeat("ü", 1_000): strings.Repeat("ü", 300) + "…",
	} {
		if got := printable.Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
