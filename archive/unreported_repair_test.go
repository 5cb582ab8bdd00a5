package archive

import (
	"testing"

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A repair names what it lacks among its failures, so it is not reported. With another origin or
// fewer failures, it is.
func TestRepairIsNotReported(t *testing.T) {
	before := Decision{Head: repo.Head{ID: [32]byte{1}}, Manifest: &manifest.Manifest{Totals: manifest.Totals{Messages: 30, Failures: 2}}}
	for what, c := range map[string]struct {
		origin             [32]byte
		messages, failures int64
		want               bool
	}{
		"a repair":         {[32]byte{1}, 10, 22, true},
		"too few failures": {[32]byte{1}, 10, 21, false},
		"an empty one":     {[32]byte{1}, 0, 2, false},
		"of another":       {[32]byte{2}, 10, 22, false},
		"no repair":        {[32]byte{}, 10, 22, false},
	} {
		now := Decision{Manifest: &manifest.Manifest{Origin: c.origin, Totals: manifest.Totals{Messages: c.messages, Failures: c.failures}}}
		if got := now.repairs(&before); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}
