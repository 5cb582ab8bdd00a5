package access

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// The line names the account and the host, and says how long it was and how long it can be. A
// server does not choose what a terminal does, and with -q there is no line.
func TestSilent(t *testing.T) {
	for name, want := range map[string]string{
		"loud":  "an\\x1bna: mail.example has not answered for 30 seconds; waiting up to 2 minutes\n",
		"quiet": "",
	} {
		var stderr strings.Builder
		output := ui.New(nil, &strings.Builder{}, &stderr, os.Getenv, func(error) {})
		output.Configure(ui.Settings{Quiet: name == "quiet"})
		h := NewHost(output, nil, os.Getenv)
		h.silent("an\x1bna", "mail.example")(30*time.Second, 2*time.Minute)
		if stderr.String() != want {
			t.Errorf("%s: have %q, want %q", name, stderr.String(), want)
		}
	}
}
