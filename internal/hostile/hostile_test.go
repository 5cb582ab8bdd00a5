package hostile_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/hostile"
)

func TestMailsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range hostile.Mails() {
		if seen[m.Name] || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%q is the name of two messages, or cannot be a part of a host", m.Name)
		}
		seen[m.Name] = true
		if text := string(m.Message); strings.Contains(text, "RAN") && !strings.Contains(text, "base64") || strings.Contains(text, "HOST") {
			t.Errorf("%s has a word that is not replaced:\n%s", m.Name, text)
		}
	}
	if len(seen) < 150 {
		t.Errorf("there are %d messages", len(seen))
	}
}
