package rewrite_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The accounts of the tests.
const (
	anna  = "account-0" // as archivetest.Backup names it
	other = "anna@new.example"
)

// world is an account that is archived each day, and its state on each night.
type world struct {
	t       *testing.T
	store   *storetest.Memory
	r       *repo.Repo
	account *archivetest.Account
	nights  []*backup.Result
	states  [][]string
	came    [][]string // objects that came with each night
}

func newWorld(t *testing.T, nights int) *world {
	store := &storetest.Memory{}
	w := &world{t: t, store: store, r: archivetest.NewRepo(t, store), account: archivetest.LargeAccount(120)}
	for range nights {
		w.night()
		store.Advance(24 * time.Hour)
	}
	return w
}

// night adds a message that no other night has, and removes the one of the night before.
func (w *world) night() *backup.Result {
	w.t.Helper()
	inbox := w.account.Mailbox("INBOX")
	if n := len(w.nights); n > 0 {
		inbox.Expunge(inbox.Messages[len(inbox.Messages)-1].UID)
	}
	inbox.Add(fmt.Sprintf("Subject: night %d\r\n\r\n%x\r\n", len(w.nights), archivetest.RandomBytes(uint64(len(w.nights)), 3000)))
	before := w.store.Names()
	b := archivetest.Backup(w.t, w.r, w.account)
	w.came = append(w.came, slices.DeleteFunc(w.store.Names(), func(name string) bool { return slices.Contains(before, name) }))
	w.nights, w.states = append(w.nights, b), append(w.states, w.account.State())
	return b
}

// forget marks nights.
func (w *world) forget(nights ...int) {
	w.t.Helper()
	var marks []statement.Marked
	for _, n := range nights {
		marks = append(marks, statement.Marked{Manifest: w.nights[n].Head.Name})
	}
	if err := w.r.MarkAll(w.t.Context(), marks); err != nil {
		w.t.Fatal(err)
	}
}

// undo restores those of these nights that are forgotten.
func (w *world) undo(r *repo.Repo, evenIncomplete bool, nights ...int) (all []rewrite.Undone, err error) {
	forgotten, err := rewrite.ListForgotten(w.t.Context(), r)
	if err != nil {
		return nil, err
	}
	forgotten = slices.DeleteFunc(forgotten, func(f rewrite.Forgotten) bool {
		return !slices.ContainsFunc(nights, func(n int) bool { return w.nights[n].Head.Name == f.Head.Name })
	})
	err = rewrite.Undo(w.t.Context(), r, forgotten, evenIncomplete, func(u rewrite.Undone) { all = append(all, u) })
	return all, err
}

func (w *world) mustUndo(nights ...int) []rewrite.Undone {
	w.t.Helper()
	all, err := w.undo(w.r, false, nights...)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, u := range all {
		if u.Err != nil || u.New.Name == "" {
			w.t.Fatalf("night %x: %v, missing %v", u.Old.Head.ID[:4], u.Err, u.Missing)
		}
	}
	if len(all) != len(nights) {
		w.t.Fatalf("%d of %d nights were found forgotten", len(all), len(nights))
	}
	return all
}

// prune prunes a day later.
func (w *world) prune() *repo.PruneReport {
	w.t.Helper()
	w.store.Advance(repo.Grace + time.Minute)
	return w.pruneNow()
}

func (w *world) pruneNow() *repo.PruneReport {
	w.t.Helper()
	report, err := archive.Prune(w.t.Context(), w.r, repo.PruneOptions{MaxUnused: 0})
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// listed returns the committed manifests of an account, the oldest first.
func listed(t *testing.T, r *repo.Repo, account string) (list []archive.Summary) {
	t.Helper()
	for s, err := range archive.Manifests(t.Context(), r) {
		if err != nil && s.Head.Account != "" && s.Head.Account != r.AccountDir(account) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.Manifest.Account == account {
			list = append(list, s)
		}
	}
	slices.Reverse(list)
	return list
}

// mustHold checks that an account has these nights, in their order and with their content.
func (w *world) mustHold(r *repo.Repo, account string, nights ...int) {
	w.t.Helper()
	list := listed(w.t, r, account)
	if len(list) != len(nights) {
		w.t.Fatalf("%s has %d manifests, want the nights %v", account, len(list), nights)
	}
	for i, s := range list {
		n := nights[i]
		if got := archivetest.ArchivedState(w.t, r, s.Head); !slices.Equal(got, w.states[n]) {
			w.t.Fatalf("night %d: %s", n, archivetest.FirstDifference(got, w.states[n]))
		}
		if after := s.Head.Time.Sub(w.nights[n].Head.Time); after < 0 || after > 10*time.Millisecond {
			w.t.Errorf("night %d stands %s after its time", n, after)
		}
	}
}

// copyTo copies the repository to another, and counts the manifests that were copied and those that
// existed.
func (w *world) copyTo(to *repo.Repo) (made, present int) {
	w.t.Helper()
	copied, _ := archivetest.Copy(w.t, w.r, to)
	for _, c := range copied {
		switch {
		case c.Present:
			present++
		case c.Err == nil && !c.Gone:
			made++
		}
	}
	return made, present
}
