package keys

import (
	"strings"
	"testing"
	"time"
)

// init warns of a store whose clock is hours ahead or behind.
func TestClocksDiffer(t *testing.T) {
	host := time.Date(2026, 3, 14, 2, 0, 0, 0, time.Local)
	for ahead, want := range map[time.Duration]string{
		30 * time.Hour: "the clock of the store shows 2026-03-15 08:00, and that of this host 2026-03-14 02:00, 30h0m0s apart",
		-2 * time.Hour: "2h0m0s apart", 2 * time.Minute: "",
	} {
		if text := clocksDiffer(host.Add(ahead), host); !strings.Contains(text, want) || (want == "") != (text == "") {
			t.Errorf("%v: %q", ahead, text)
		}
	}
}
