package ui

import (
	"io"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Only terminals get colors, unless --color or NO_COLOR is set.
func TestColors(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		flag     string
		environ  map[string]string
		want     bool
	}{
		{true, "auto", nil, true},
		{true, "auto", map[string]string{"NO_COLOR": "1"}, false},
		{true, "auto", map[string]string{"TERM": "dumb"}, false},
		{true, "always", map[string]string{"NO_COLOR": "1"}, true},
		{true, "never", nil, false},
		{false, "auto", nil, false},
		{false, "always", nil, true},
	} {
		var w io.Writer = io.Discard
		if c.terminal {
			w, _ = testbed.PTY(t, 80)
		}
		getenv := func(name string) string { return c.environ[name] }
		if got := screenOf(w, c.flag, getenv); got.colored != c.want || got.width > 0 != c.terminal {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
