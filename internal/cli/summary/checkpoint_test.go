package summary_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A checkpoint says of its sources what its parent says, which is not about its mail.
func TestRemarksOfCheckpoint(t *testing.T) {
	m := &manifest.Manifest{Sources: []manifest.Source{{Kind: manifest.Mail, Found: manifest.Inherited, Since: time.Unix(0, 0)}}}
	for state, want := range map[manifest.State]bool{manifest.Checkpoint: false, manifest.Complete: true} {
		m.State = state
		s := summary.OfManifest(repo.Head{}, m)
		if got := s.Remarks(); strings.Contains(got, "mail not read") != want {
			t.Errorf("%s: %q", state, got)
		}
	}
}
