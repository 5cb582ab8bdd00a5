package named

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The hint for a reference that names an account has manifests of no other account.
func TestReferenceHintNamesOneAccount(t *testing.T) {
	r := archivetest.NewRepo(t, new(storetest.Memory))
	one, other := archivetest.NewAccount(), archivetest.NewAccount()
	first := archivetest.Backup(t, r, one) // account-0
	archivetest.TryBackup(t.Context(), r, one, other)
	ref, err := history.ParseRef("account-1@2001-01-01", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hint := referenceHint(t.Context(), r, ref)
	if !strings.Contains(hint, "the oldest is ") || strings.Contains(hint, summary.ShortID(first.Head)) {
		t.Errorf("have %q; %s is of another account", hint, summary.ShortID(first.Head))
	}
}
