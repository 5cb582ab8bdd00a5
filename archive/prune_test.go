package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func mustPrune(t *testing.T, r *repo.Repo) *repo.PruneReport {
	t.Helper()
	report, err := archive.Prune(t.Context(), r, repo.PruneOptions{MaxUnused: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// After nights of changes, of which some are forgotten and pruned, the others have the same bytes
// as before, and the store has little more than what they need.
func TestNightsOfForgettingAndPruning(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), archivetest.SampleAccount()
	long := ""
	for i := range 3000 {
		long += fmt.Sprintf("line %d of a message with many parts\r\n", i*i)
	}
	a.Mailbox("Long").Add("Subject: long\r\n\r\n" + long + long)
	states := map[string][]string{}
	for night := range 8 {
		inbox := a.Mailbox("INBOX")
		for i := range 300 {
			inbox.Add(fmt.Sprintf("Subject: %d of night %d\r\n\r\n%d\r\n", i, night, i*night))
		}
		for _, m := range slices.Clone(inbox.Messages[len(inbox.Messages)-300 : len(inbox.Messages)-280]) {
			inbox.Expunge(m.UID)
		}
		b := archivetest.Backup(t, r, a)
		states[b.Head.Name] = a.State()
		plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 2}, time.UTC, nil)
		mustForget(t, plan, err)
		mustPrune(t, r)
		store.Advance(25 * time.Hour)
	}
	before := len(store.Names())
	for range 3 {
		mustPrune(t, r)
		store.Advance(25 * time.Hour)
	}
	archivetest.MustBeSound(t, archivetest.Reopen(t, store))
	n := 0
	for s, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if got := archivetest.ArchivedState(t, r, s.Head); !slices.Equal(got, states[s.Head.Name]) {
			t.Errorf("manifest of %s: %s", s.Head.Time, archivetest.FirstDifference(got, states[s.Head.Name]))
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d manifests are left", n)
	}
	report := mustPrune(t, r)
	if report.Roots != 2 || report.Lost != 0 || report.Waiting.Objects+report.Condemned.Objects+report.Deleted.Objects > 0 {
		t.Errorf("when all is done: %+v", report)
	}
	if report.Unused*10 > report.Packs.Bytes {
		t.Errorf("%d of %d bytes are unused", report.Unused, report.Packs.Bytes)
	}
	t.Logf("%d objects, %d before the last prunes", len(store.Names()), before)
}

// Prune keeps what any manifest needs: older ones, checkpoints, and those of accounts that are not
// archived any more.
func TestPruneKeepsWhatAnyManifestNeeds(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), archivetest.LargeAccount(300)
	first := archivetest.Backup(t, r, a)
	want := a.State()
	for _, m := range slices.Clone(a.Mailbox("INBOX").Messages[:40]) {
		a.Mailbox("INBOX").Expunge(m.UID)
	}
	archivetest.Backup(t, r, a)
	for range 4 {
		store.Advance(25 * time.Hour)
		if report := mustPrune(t, r); report.Condemned.Objects > 0 {
			t.Errorf("%+v", report)
		}
	}
	archivetest.MustHold(t, r, first, want)
	archivetest.MustBeSound(t, archivetest.Reopen(t, store))
}
