package replicate_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// twoNights archives an account that has no mailbox on the first night, so that the first pack of
// the catalog has nothing but the server part.
func twoNights(
	t *testing.T, store *storetest.Memory,
) (r *repo.Repo, a *archivetest.Account, pack string, second repo.Head) {
	t.Helper()
	r, a = archivetest.NewRepo(t, store), archivetest.NewAccount()
	archivetest.Backup(t, r, a)
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "catalog/") {
			pack = name
		}
	}
	a.Mailbox("INBOX").Add("Subject: s\r\n\r\nhello\r\n")
	return r, a, pack, archivetest.Backup(t, r, a).Head
}

func TestCopyHasTheServerPart(t *testing.T) {
	from, a, _, _ := twoNights(t, new(storetest.Memory))
	store := new(storetest.Memory)
	to := archivetest.NewRepo(t, store)
	copied, _ := archivetest.Copy(t, from, to)
	archivetest.MustBeSound(t, to)
	to = archivetest.Reopen(t, store)
	for _, c := range copied {
		contents, err := archive.OpenManifest(t.Context(), to, c.Head)
		if err != nil {
			t.Fatal(err)
		}
		server, err := contents.Server(t.Context())
		if err != nil || !slices.Equal(server.Capabilities, a.Capabilities) || contents.Manifest.ServerPart.IsZero() {
			t.Errorf("%+v, %v", server, err)
		}
	}
	if len(copied) != 2 {
		t.Errorf("%d copies", len(copied))
	}
}

// If a server part is lost, a check reports it, and a repair writes a manifest without it that has
// all mail.
func TestLostServerPart(t *testing.T) {
	store := new(storetest.Memory)
	_, a, pack, second := twoNights(t, store)
	if err := store.Delete(t.Context(), pack); err != nil {
		t.Fatal(err)
	}
	r := archivetest.Reopen(t, store)
	reported := 0
	_, err := check.Run(t.Context(), check.Options{Repo: r}, func(p check.Problem) {
		if strings.Contains(p.Reason, "what the server says about itself") && p.Manifest != "" {
			reported++
		}
	})
	if err != nil || reported != 1 {
		t.Errorf("a check reports %d lost server parts: %v", reported, err)
	}
	repaired, err := rewrite.Repair(t.Context(), r, second, rewrite.RepairOptions{})
	if err != nil || len(repaired.Lost) != 1 {
		t.Fatalf("a repair finds %v lost: %v", repaired.Lost, err)
	}
	if got := archivetest.ArchivedState(t, r, repaired.Head); !reflect.DeepEqual(got, a.State()) {
		t.Errorf("the repaired manifest has %q", got)
	}
	contents, err := archive.OpenManifest(t.Context(), r, repaired.Head)
	if err != nil {
		t.Fatal(err)
	}
	if server, err := contents.Server(t.Context()); err != nil || len(server.Capabilities) > 0 {
		t.Errorf("of a lost server part the repaired manifest has %+v, %v", server, err)
	}
}
