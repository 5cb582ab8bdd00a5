package summary

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// A list of manifests fits a narrow terminal, and keeps the names of the accounts whole.
func TestManifestsFit(t *testing.T) {
	for _, width := range []int{60, 80, 100} {
		terminal, text := testbed.PTY(t, width)
		o := ui.New(nil, terminal, io.Discard, func(string) string { return "" }, func(error) {})
		o.Configure(ui.Settings{})
		manifests := []Manifest{{ID: strings.Repeat("0", 64), Account: "anna@mail.example", Time: time.Now().Add(-2 * time.Minute), Messages: 12345678, Bytes: 1 << 40, Failures: 12, Alarms: 1, Warnings: 3}}
		PrintManifests(o, manifests, true)
		_ = o.Flush()
		listed := text()
		for line := range strings.Lines(listed) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("%d cells on a terminal of %d: %s", got, width, line)
			}
		}
		if !strings.Contains(listed, "anna@mail.example") || !strings.Contains(listed, "12 failures, shrank, 3 warnings") {
			t.Errorf("on a terminal of %d cells the account or a remark is missing:\n%s", width, listed)
		}
	}
}
