package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// rename gives anna the other name.
func (w *world) rename(r *repo.Repo) (*rewrite.Renamed, error) {
	return rewrite.Rename(w.t.Context(), r, anna, other, false, nil)
}

func (w *world) mustRename() *rewrite.Renamed {
	w.t.Helper()
	renamed, err := w.rename(w.r)
	if err != nil || len(renamed.Left) > 0 {
		w.t.Fatalf("%v, %+v", err, renamed)
	}
	return renamed
}

// backUpAs archives the account under a name.
func (w *world) backUpAs(name string) *backup.Result {
	w.t.Helper()
	list := []backup.Account{{Name: name, URL: "imap://test", Source: w.account, Budget: backup.Budget{Day: 1 << 40}}}
	results, err := backup.Run(w.t.Context(), w.r, list, backup.Options{Program: "test", RecoveryAfter: 1})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
	return results[0]
}

// A rename gives the whole history the new name: each night with its mail, time, parent and tags.
// The next night continues from it without alarms or downloads, and no prune deletes any of it.
func TestRename(t *testing.T) {
	w := newWorld(t, 4)
	if err := w.r.Tag(t.Context(), w.nights[0].Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	w.forget(2)
	if renamed := w.mustRename(); renamed.Committed != 3 || renamed.Marked != 3 {
		t.Errorf("%+v", renamed)
	}
	w.mustHold(w.r, other, 0, 1, 3)
	w.mustHold(w.r, anna)
	list := listed(t, w.r, other)
	if list[1].Manifest.Parent != list[0].Head.ID || list[1].Manifest.Origin != w.nights[1].Head.ID || list[1].Head.Time != w.nights[1].Head.Time {
		t.Errorf("%+v", list[1])
	}
	if tags, err := w.r.Tags(t.Context()); err != nil || !slices.Equal(tags[list[0].Head.Name], []string{history.TagPinned}) {
		t.Errorf("%v, %v", err, tags)
	}
	if b := w.backUpAs(other); b.Manifest.Parent != list[2].Head.ID || b.Manifest.Totals.NewMessages != 0 ||
		len(b.Manifest.Alarm)+len(b.Manifest.Warnings) > 0 {
		t.Errorf("the next night: %+v", b.Manifest)
	}
	for range 4 {
		w.prune()
	}
	w.states, w.nights = append(w.states, w.states[3]), append(w.nights, &backup.Result{Head: listed(t, w.r, other)[3].Head})
	w.mustHold(w.r, other, 0, 1, 3, 4)
	archivetest.MustBeSound(t, w.r)
	if renamed := w.mustRename(); renamed.Committed+renamed.Marked != 0 {
		t.Errorf("done again: %+v", renamed)
	}
	// And back again.
	if renamed, err := rewrite.Rename(t.Context(), w.r, other, anna, false, nil); err != nil || renamed.Committed != 4 {
		t.Fatalf("%v, %+v", err, renamed)
	}
	w.mustHold(w.r, anna, 0, 1, 3, 4)
}

// A rename does not read what a run may inherit, and stores only manifests.
func TestRenameReadsNoMail(t *testing.T) {
	w := newWorld(t, 3)
	before := w.store.Names()
	watched := &storetest.Faulty{Store: w.store, Fail: func(op storetest.Op) storetest.Fault {
		if op.Kind == "get" && (strings.HasPrefix(op.Name, "data/") || strings.HasPrefix(op.Name, "catalog/")) {
			t.Errorf("%s is read", op.Name)
		}
		return storetest.None
	}}
	if _, err := w.rename(archivetest.Reopen(t, watched)); err != nil {
		t.Fatal(err)
	}
	for _, name := range w.store.Names() {
		if !slices.Contains(before, name) && !strings.HasPrefix(name, "manifests/") && !strings.HasPrefix(name, "marks/") {
			t.Errorf("%s was stored", name)
		}
	}
}

// A name that has another history is refused unless a merge is requested.
func TestRenameOntoAnother(t *testing.T) {
	w := newWorld(t, 2)
	w.backUpAs(other)
	if _, err := w.rename(w.r); !errors.Is(err, rewrite.ErrExists) {
		t.Fatal(err)
	}
	if len(listed(t, w.r, other)) != 1 || len(listed(t, w.r, anna)) != 2 {
		t.Error("something was changed")
	}
	if renamed, err := rewrite.Rename(t.Context(), w.r, anna, other, true, nil); err != nil || renamed.Committed != 2 {
		t.Fatalf("%v, %+v", err, renamed)
	}
	if n := len(listed(t, w.r, other)); n != 3 {
		t.Errorf("%d manifests", n)
	}
	if _, err := rewrite.Rename(t.Context(), w.r, "nobody", other, true, nil); !errors.Is(err, rewrite.ErrNoAccount) {
		t.Error(err)
	}
	// Another account that got the name which is free now is not taken for the rest of the first
	// one.
	w.backUpAs(anna)
	if _, err := w.rename(w.r); !errors.Is(err, rewrite.ErrExists) {
		t.Error(err)
	}
}

// A rename that is killed at any operation of the store leaves each night whole, under one name or
// both. A second rename completes it, even if a nightly backup under the new name ran in between.
func TestRenameKilledAnywhere(t *testing.T) {
	w := newWorld(t, 3)
	if err := w.r.Tag(t.Context(), w.nights[0].Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	base, nights, states := w.store, slices.Clone(w.nights), slices.Clone(w.states)
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose} {
		for n := 1; ; n++ {
			w.store, w.nights, w.states = base.Clone(), nights, states
			faulty := &storetest.Faulty{Store: w.store}
			r := archivetest.Reopen(t, faulty)
			faulty.Fail = storetest.CrashAt(faulty.Ops()+n, fault)
			_, err := w.rename(r)
			w.r = archivetest.Reopen(t, w.store)
			archivetest.MustBeSound(t, w.r)
			if n := len(listed(t, w.r, other)); n < 3 && len(listed(t, w.r, anna)) < 3 {
				t.Fatalf("killed at %d, nights are gone", n)
			}
			want := []int{0, 1, 2}
			if n%2 == 0 && len(listed(t, w.r, other)) > 0 {
				b := w.backUpAs(other)
				w.nights, w.states = append(slices.Clone(nights), b), append(slices.Clone(states), w.account.State())
				want = append(want, 3)
			}
			w.mustRename()
			w.mustHold(w.r, other, want...)
			w.mustHold(w.r, anna)
			tags, errTags := w.r.Tags(t.Context())
			if list := listed(t, w.r, other); errTags != nil || !slices.Contains(tags[list[0].Head.Name], history.TagPinned) {
				t.Fatalf("killed at %d, the pin is gone: %v", n, errTags)
			}
			if n%5 == 0 || err == nil {
				w.prune()
				w.prune()
				w.mustHold(w.r, other, want...)
				archivetest.MustBeSound(t, w.r)
			}
			if err == nil {
				t.Logf("%d operations", n-1)
				break
			}
		}
	}
}

// A prune at any moment of a rename deletes nothing that it needs.
func TestRenameBesideAPrune(t *testing.T) {
	w := newWorld(t, 3)
	w.forget(1)
	w.store.Advance(repo.Grace + time.Minute)
	base := w.store
	for n := 1; ; n++ {
		w.store = base.Clone()
		w.r = archivetest.Reopen(t, w.store)
		pruned := false
		racing := &storetest.Faulty{Store: w.store}
		r := archivetest.Reopen(t, racing)
		from := racing.Ops()
		racing.Fail = func(op storetest.Op) storetest.Fault {
			if op.Kind == "now" { // the store's clock is waited for
				w.store.Advance(time.Second)
			}
			if op.N == from+n {
				pruned = true
				w.pruneNow()
			}
			return storetest.None
		}
		if _, err := w.rename(r); err != nil {
			t.Fatalf("pruned at %d: %v", n, err)
		}
		for range 3 {
			w.prune()
		}
		w.mustHold(w.r, other, 0, 2)
		archivetest.MustBeSound(t, w.r)
		if !pruned {
			break
		}
	}
}

// A backup of the old name that is under way commits under the old name. Another rename renames its
// night too.
func TestRenameBesideABackup(t *testing.T) {
	w := newWorld(t, 2)
	w.account.Mailbox("INBOX").Add("Subject: late\r\n\r\n")
	w.account.OnBody = func(string, mail.UID) error {
		w.account.OnBody = nil
		w.mustRename()
		return nil
	}
	b := archivetest.Backup(t, w.r, w.account)
	w.account.OnBody = nil
	w.nights, w.states = append(w.nights, b), append(w.states, w.account.State())
	w.mustHold(w.r, anna, 2)
	for range 2 {
		w.prune()
	}
	if renamed := w.mustRename(); renamed.Committed != 1 || renamed.Marked != 1 {
		t.Errorf("%+v", renamed)
	}
	w.mustHold(w.r, other, 0, 1, 2)
	if b := w.backUpAs(other); b.Manifest.Totals.NewMessages != 0 || b.Manifest.Parent != listed(t, w.r, other)[2].Head.ID {
		t.Errorf("%+v", b.Manifest)
	}
	archivetest.MustBeSound(t, w.r)
}

// An interrupted run continues under the new name.
func TestRenameOfACheckpoint(t *testing.T) {
	w := newWorld(t, 1)
	inbox := w.account.Mailbox("INBOX")
	for i := range 200 {
		inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\n%x", i, archivetest.RandomBytes(uint64(1000+i), 500)))
	}
	ctx, interrupt := context.WithCancel(t.Context())
	came := 0
	w.account.OnBody = func(string, mail.UID) error {
		if came++; came == 150 {
			interrupt()
		}
		return nil
	}
	archivetest.TryBackup(ctx, w.r, w.account)
	w.account.OnBody = nil
	w.mustRename()
	if last := listed(t, w.r, other); len(last) != 2 || last[1].Manifest.State != manifest.Checkpoint {
		t.Fatalf("%d manifests", len(last))
	}
	b := w.backUpAs(other)
	if n := b.Manifest.Totals.NewMessages; n >= 200 {
		t.Errorf("%d messages were downloaded", n)
	}
	archivetest.MustHold(t, w.r, b, w.account.State())
}

// Forget keeps the same nights of a renamed history as before, and finds no loss between nights
// that were compared before those between them were forgotten.
func TestForgetAfterARename(t *testing.T) {
	w := newWorld(t, 1)
	inbox := w.account.Mailbox("INBOX")
	for range 6 {
		for range 30 {
			inbox.Expunge(inbox.Messages[0].UID)
			inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\n", inbox.Next))
		}
		w.night()
		w.store.Advance(24 * time.Hour)
	}
	w.forget(1, 2, 4, 5)
	decide := func(account string) (kept []time.Time) {
		policy := history.Policy{Daily: 2}
		plan, err := archive.PlanForget(t.Context(), w.r, []string{account}, policy, time.UTC, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range plan.Decisions {
			if len(d.Lost) > 0 {
				t.Errorf("%s of %s: %v", d.Head.Time, account, d.Lost)
			}
			if d.Keep {
				kept = append(kept, d.Head.Time)
			}
		}
		return kept
	}
	before := decide(anna)
	w.mustRename()
	if after := decide(other); !slices.Equal(before, after) {
		t.Errorf("kept were %v, and now %v", before, after)
	}
}

// Misdated and damaged manifests keep the old name and are reported, and all others are renamed.
func TestRenameSkipsUnreadableManifests(t *testing.T) {
	w := newWorld(t, 3)
	w.store.Replace(w.nights[1].Head.Name, []byte("not a manifest"))
	w.r = archivetest.Reopen(t, w.store)
	renamed, err := w.rename(w.r)
	if err != nil || len(renamed.Left) != 1 || renamed.Left[0].Head.Name != w.nights[1].Head.Name || renamed.Committed != 2 {
		t.Fatalf("%v, %+v", err, renamed)
	}
	w.mustHold(w.r, other, 0, 2)
}

// A rename does not renew the account's budget of the day.
func TestRenameKeepsTheBudget(t *testing.T) {
	store := &storetest.Memory{}
	w := &world{t: t, store: store, r: archivetest.NewRepo(t, store), account: archivetest.LargeAccount(50)}
	w.night()
	w.mustRename()
	inbox := w.account.Mailbox("INBOX")
	inbox.Add("Subject: more\r\n\r\n" + strings.Repeat("x", 1000))
	list := []backup.Account{{Name: other, URL: "imap://test", Source: w.account, Budget: backup.Budget{Day: w.nights[0].Manifest.Downloaded}}}
	results, err := backup.Run(t.Context(), w.r, list, backup.Options{Program: "test", RecoveryAfter: 1})
	if err = errors.Join(err, results[0].Err); err != nil || !results[0].Postponed {
		t.Errorf("%v, postponed: %v", err, results[0].Postponed)
	}
}

// An account that is renamed in both repositories is copied as before. Existing copies are known by
// their origin, so only the new night is copied.
func TestRenamedAccountsAreCopied(t *testing.T) {
	w := newWorld(t, 3)
	second := new(storetest.Memory)
	second.Advance(3 * 24 * time.Hour)
	to := archivetest.NewRepo(t, second)
	w.copyTo(to)
	w.mustRename()
	if made, present := w.copyTo(to); made != 0 || present != 3 {
		t.Errorf("after the rename %d are copied, %d present", made, present)
	}
	if renamed, err := w.rename(to); err != nil || renamed.Committed != 3 {
		t.Fatalf("%v, %+v", err, renamed)
	}
	w.mustHold(to, other, 0, 1, 2)
	w.backUpAs(other)
	if made, present := w.copyTo(to); made != 1 || present != 3 {
		t.Errorf("after both renames and a night %d are copied, %d present", made, present)
	}
	archivetest.MustBeSound(t, to)
}
