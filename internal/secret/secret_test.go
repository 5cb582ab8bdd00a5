package secret

import (
	"strings"
	"testing"
)

// A secret is one line, without the byte order mark and the line ending that editors and commands
// add.
func TestSecretIsOneLine(t *testing.T) {
	s := Source{Name: "password of anna"}
	for text, want := range map[string]string{"pw": "pw", "pw\n": "pw", "pw\r\n": "pw", "\ufeffpw\r\n": "pw", "\xff\xfep\x00w\x00": "pw", "p w ": "p w "} {
		if got, err := s.trim(strings.NewReader(text), "the file"); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"pw\nuser: anna\n", "a\rb", ""} {
		if got, err := s.trim(strings.NewReader(text), "the command"); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
