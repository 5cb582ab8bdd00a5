package archive

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
)

// What Unreported says of a manifest is recognized, and nothing else.
func TestAboutAcknowledged(t *testing.T) {
	u := Unreported{Lost: []string{"the account is empty"}}
	u.Head = repo.Head{ID: [32]byte{0x27, 0xe3, 0x66, 0xa8}, Time: time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)}
	reports := []string{reportOf(u.Head)}
	for text, want := range map[string]bool{
		u.String(): true,
		"mailbox \"manifest 27e366a8 of\" is gone: 5 messages before": false,
		"manifest 27e366a8 of 2026-11-29 03:00:00 is damaged":         false,
		"manifest 27e366a8 of 2026-11-29 03:00:00 lacks mail of x":    false,
		"manifest INBOX of x before it and has no alarm: y":           false,
		"": false,
	} {
		if is := isAbout(text, reports); is != want {
			t.Errorf("%q: %v", text, is)
		}
	}
	other := u.Head
	other.Time = other.Time.Add(time.Hour)
	if isAbout(u.String(), []string{reportOf(other)}) {
		t.Error("a manifest of another time with the same digits counts")
	}
}
