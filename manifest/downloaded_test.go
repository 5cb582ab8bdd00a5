package manifest

import (
	"encoding/hex"
	"strings"
	"testing"
)

// A manifest has the bytes that its run downloaded, for the budget of the day.
func TestDownloaded(t *testing.T) {
	m := sampleManifest()
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.Downloaded = 2_000_000
	after, err := m.Encode()
	if err != nil || !strings.Contains(hex.EncodeToString(after), "171a001e8480") || len(after) != len(before)+6 {
		t.Errorf("have %x, %v", after, err)
	}
	if back, err := Parse(after); err != nil || back.Downloaded != m.Downloaded {
		t.Errorf("it is read as %+v, %v", back, err)
	}
	if m.Downloaded = -1; m.checkSums() == nil {
		t.Error("a negative number of bytes is written")
	}
}
