package check_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A problem names what mends it: a damaged pack or index segment, and the packs of a segment that
// is lost.
func TestRepairs(t *testing.T) {
	store := new(storetest.Memory)
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: one\r\n\r\nmail\r\n")
	archivetest.Backup(t, archivetest.NewRepo(t, store), a)
	for _, test := range []struct {
		folder string
		lost   bool
		want   check.Repair
	}{
		{"data/", false, check.RepairPacks}, {"data/", true, check.RepairPacks},
		{"index/", false, check.RepairIndex}, {"index/", true, check.RepairIndex},
		{"manifests/", false, check.Unmended},
	} {
		damaged := store.Clone()
		for _, name := range damaged.Names() {
			switch {
			case !strings.HasPrefix(name, test.folder):
			case test.lost:
				if err := damaged.Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			default:
				damaged.Replace(name, []byte("damage"))
			}
		}
		found := 0
		_, err := check.Run(t.Context(), check.Options{Repo: archivetest.Reopen(t, damaged), Data: repo.AllPacks}, func(p check.Problem) {
			if p.Harmless || p.Manifest != "" {
				return
			}
			if found++; p.Repair != test.want {
				t.Errorf("%s, lost %v: %+v", test.folder, test.lost, p)
			}
		})
		if err != nil || found == 0 {
			t.Errorf("%s, lost %v: %d problems, %v", test.folder, test.lost, found, err)
		}
	}
}
