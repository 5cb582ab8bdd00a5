package archive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// forgetting archives an account of a few messages on some days, in a repository whose store has
// its clock set.
func forgetting(t *testing.T, days int) (*repo.Repo, *storetest.Memory, *archivetest.Account, []*backup.Result) {
	t.Helper()
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), archivetest.LargeAccount(200)
	var backups []*backup.Result
	for day := range days {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: day %d\r\n\r\n", day))
		backups = append(backups, archivetest.Backup(t, r, a))
		store.Advance(24 * time.Hour)
	}
	return r, store, a, backups
}

// left returns the indexes of the manifests that are still listed.
func left(t *testing.T, r *repo.Repo, backups []*backup.Result) (days []int) {
	t.Helper()
	for s, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		days = append(days, slices.IndexFunc(backups, func(b *backup.Result) bool { return b.Head.Name == s.Head.Name }))
	}
	slices.Sort(days)
	return days
}

func mustForget(t *testing.T, plan *archive.ForgetPlan, err error) int {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	n, err := plan.Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestForgetByPolicy(t *testing.T) {
	r, _, a, backups := forgetting(t, 5)
	if err := r.Tag(t.Context(), backups[1].Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 2}, time.UTC, nil)
	if got := left(t, r, backups); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("a plan alone leaves %v", got)
	}
	if n := mustForget(t, plan, err); n != 2 {
		t.Errorf("%d marked", n)
	}
	if got := left(t, r, backups); !slices.Equal(got, []int{1, 3, 4}) {
		t.Errorf("%v are left", got)
	}
	plan, err = archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 2}, time.UTC, nil)
	if n := mustForget(t, plan, err); n != 0 {
		t.Errorf("a second time %d are marked", n)
	}
	plan, err = archive.PlanForget(t.Context(), r, []string{"another"}, history.Policy{Last: 1}, time.UTC, nil)
	if n := mustForget(t, plan, err); n != 0 {
		t.Errorf("of another account %d are marked", n)
	}
	b := archivetest.Backup(t, r, a) // goes on from what is left
	archivetest.MustHold(t, r, b, a.State())
}

func TestForgetByName(t *testing.T) {
	r, _, _, backups := forgetting(t, 3)
	all := []repo.Head{backups[0].Head, backups[1].Head, backups[2].Head}
	if _, err := archive.PlanForgetNamed(t.Context(), r, all, nil); !errors.Is(err, archive.ErrKept) {
		t.Errorf("all of an account: %v", err)
	}
	if err := r.Tag(t.Context(), backups[0].Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.PlanForgetNamed(t.Context(), r, all[:1], nil); !errors.Is(err, archive.ErrKept) || !strings.Contains(err.Error(), "pinned") {
		t.Errorf("a pinned one: %v", err)
	}
	plan, err := archive.PlanForgetNamed(t.Context(), r, all[1:], nil)
	if n := mustForget(t, plan, err); n != 2 {
		t.Errorf("%d marked", n)
	}
	if got := left(t, r, backups); !slices.Equal(got, []int{0}) {
		t.Errorf("%v are left", got)
	}
}

// The last manifest before an account shrank is kept until the loss is acknowledged.
func TestForgetKeepsTheLastManifestBeforeALoss(t *testing.T) {
	r, _, a, backups := forgetting(t, 2)
	inbox := a.Mailbox("INBOX")
	for _, m := range slices.Clone(inbox.Messages[:80]) {
		inbox.Expunge(m.UID)
	}
	backups = append(backups, archivetest.Backup(t, r, a), archivetest.Backup(t, r, a))
	if len(backups[2].Manifest.Alarm) == 0 {
		t.Fatal("no alarm")
	}
	policy := history.Policy{Last: 1}
	plan, err := archive.PlanForget(t.Context(), r, nil, policy, time.UTC, nil)
	mustForget(t, plan, err)
	if got := left(t, r, backups); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("%v are left", got)
	}
	for _, i := range []int{1, 2} {
		if _, err := archive.PlanForgetNamed(t.Context(), r, []repo.Head{backups[i].Head}, nil); !errors.Is(err, archive.ErrKept) {
			t.Errorf("manifest %d by name: %v", i, err)
		}
	}
	if err := r.Tag(t.Context(), backups[2].Head, []string{history.TagAcknowledged}, nil); err != nil {
		t.Fatal(err)
	}
	plan, err = archive.PlanForget(t.Context(), r, nil, policy, time.UTC, nil)
	mustForget(t, plan, err)
	if got := left(t, r, backups); !slices.Equal(got, []int{3}) {
		t.Errorf("after it was acknowledged %v are left", got)
	}
}

// A manifest that cannot be read is kept, and does not hide others.
func TestForgetKeepsUnreadableManifests(t *testing.T) {
	_, store, _, backups := forgetting(t, 3)
	store.Replace(backups[2].Head.Name, []byte("not a manifest"))
	r := archivetest.Reopen(t, store)
	plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
	if n := mustForget(t, plan, err); n != 1 {
		t.Errorf("%d marked", n)
	}
	for _, d := range plan.Decisions {
		if d.Manifest == nil && !d.Keep {
			t.Error("what cannot be read goes")
		}
		if d.Head.Name == backups[1].Head.Name && !d.Keep {
			t.Error("the newest that can be read goes")
		}
	}
}
