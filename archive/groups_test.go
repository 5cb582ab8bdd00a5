package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// groupMessages is how many messages of one mailbox, with the UIDs from 1 on, fill a list group.
const groupMessages = 16*16*16 - 1

// deliverMany adds messages with flags to INBOX.
func deliverMany(a *archivetest.Account, n int, flags ...string) {
	inbox := a.Mailbox("INBOX")
	for range n {
		inbox.Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody\r\n", inbox.Next), flags...)
	}
}

// mustHaveGroups fails if INBOX of a manifest has fewer list groups.
func mustHaveGroups(t *testing.T, r *repo.Repo, head repo.Head, least int) {
	t.Helper()
	contents, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := contents.Mailbox(t.Context(), "INBOX")
	if err != nil || len(inbox.Groups) < least {
		t.Fatalf("%d list groups, want at least %d: %v", len(inbox.Groups), least, err)
	}
}

// The nights of a large mailbox that prune leaves have all messages, and so have their copies.
func TestListGroupsAreKept(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), archivetest.NewAccount()
	deliverMany(a, 2*groupMessages)
	states := map[string][]string{}
	pruneAll := func() { // no chunk stays that is not needed
		t.Helper()
		if _, err := archive.Prune(t.Context(), r, repo.PruneOptions{MaxUnused: 0}); err != nil {
			t.Fatal(err)
		}
	}
	for range 6 {
		deliverMany(a, 40)
		inbox := a.Mailbox("INBOX")
		for i := range 200 { // of the second group, whose pages prune removes; the first one stays
			inbox.Expunge(inbox.Messages[groupMessages+i*7].UID)
		}
		b := archivetest.Backup(t, r, a)
		mustHaveGroups(t, r, b.Head, 2)
		states[b.Head.Name] = a.State()
		plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 2}, time.UTC, nil)
		mustForget(t, plan, err)
		pruneAll()
		store.Advance(25 * time.Hour)
	}
	for range 3 {
		pruneAll()
		store.Advance(25 * time.Hour)
	}
	target := &storetest.Memory{}
	target.Advance(10 * 25 * time.Hour) // with the time of the source
	left, to := archivetest.Reopen(t, store), archivetest.NewRepo(t, target)
	copied, _ := archivetest.Copy(t, left, to)
	if len(copied) != 2 {
		t.Fatalf("%d manifests are left", len(copied))
	}
	archivetest.MustBeSound(t, left)
	archivetest.MustBeSound(t, to)
	for _, c := range copied {
		want := states[c.Summary.Head.Name]
		mustHaveGroups(t, to, c.Head, 2)
		if got := archivetest.ArchivedState(t, left, c.Summary.Head); !slices.Equal(got, want) {
			t.Errorf("manifest of %s: %s", c.Head.Time, archivetest.FirstDifference(got, want))
		}
		if got := archivetest.ArchivedState(t, to, c.Head); !slices.Equal(got, want) {
			t.Errorf("copy of the manifest of %s: %s", c.Head.Time, archivetest.FirstDifference(got, want))
		}
	}
}

// A list group that is lost costs the messages in it, and no others. A check reports it, and a
// repair and a copy leave these messages out.
func TestALostListGroup(t *testing.T) {
	store := new(storetest.Memory)
	r, a := archivetest.NewRepo(t, store), archivetest.NewAccount()
	deliverMany(a, groupMessages)
	archivetest.Backup(t, r, a)
	deliverMany(a, 100, `\Seen`) // so that they share no flag page with the others
	second := archivetest.Backup(t, r, a)
	mustHaveGroups(t, r, second.Head, 2)
	packs := slices.DeleteFunc(store.Names(), func(name string) bool { return !strings.HasPrefix(name, "catalog/") })
	slices.SortFunc(packs, func(a, b string) int { return len(store.Bytes(b)) - len(store.Bytes(a)) })
	if err := store.Delete(t.Context(), packs[0]); err != nil { // the largest one, of the first night
		t.Fatal(err)
	}
	damaged := archivetest.Reopen(t, store)

	var problems []string
	_, err := check.Run(t.Context(), check.Options{Repo: damaged}, func(p check.Problem) { problems = append(problems, p.Reason) })
	if err != nil || !strings.Contains(strings.Join(problems, "\n"), "list group 1 of 2") {
		t.Errorf("%v, problems: %q", err, problems)
	}
	to := archivetest.NewRepo(t, new(storetest.Memory))
	copied, _ := archivetest.Copy(t, damaged, to)
	archivetest.MustBeSound(t, to)
	repaired, err := rewrite.Repair(t.Context(), damaged, second.Head, rewrite.RepairOptions{})
	if err != nil || !lostOneGroup(repaired.Lost) {
		t.Fatalf("%v, %v", repaired.Lost, err)
	}
	if got := archivetest.ArchivedState(t, damaged, repaired.Head); len(got) != 100 {
		t.Errorf("%d messages are left, want 100", len(got))
	}
	found := false
	for _, c := range copied {
		if c.Summary.Head.Name == second.Head.Name {
			found = true
			if got := archivetest.ArchivedState(t, to, c.Head); len(got) != 100 || !lostOneGroup(c.Lost) {
				t.Errorf("%d messages are in the copy, want 100; lost: %v", len(got), c.Lost)
			}
		}
	}
	if !found {
		t.Error("the second night was not copied")
	}
}

// lostOneGroup reports whether losses are a list group of INBOX, and beside it only what the server
// said about itself.
func lostOneGroup(lost []manifest.Failure) bool {
	inbox := slices.DeleteFunc(slices.Clone(lost), func(f manifest.Failure) bool { return f.Mailbox == "" })
	return len(inbox) == 1 && inbox[0].Mailbox == "INBOX" && inbox[0].UID == 0 && strings.Contains(inbox[0].Reason, "list group 1 of 2")
}
