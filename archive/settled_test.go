package archive

import "testing"

// What Unreported says is recognized, and nothing else.
func TestReported(t *testing.T) {
	u := Unreported{Lost: []string{"the account is empty"}}
	u.Head.ID = [32]byte{0x27, 0xe3, 0x66, 0xa8}
	for text, want := range map[string]string{
		u.String(): "27e366a8",
		"mailbox \"manifest 27e366a8 of\" is gone: 5 messages before": "",
		"manifest 27e366a8 of 2026-11-29 is damaged":                  "",
		"manifest INBOX of x before it and has no alarm: y":           "",
		"": "",
	} {
		if id, ok := reported(text); ok != (want != "") || ok && id != want {
			t.Errorf("%q reports %q, %v; want %q", text, id, ok, want)
		}
	}
}
