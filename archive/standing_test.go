package archive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// standing returns what alarms stand in a repository, as "account time".
func standing(t *testing.T, r *repo.Repo) (all []string) {
	t.Helper()
	found, damage, err := archive.StandingAlarms(t.Context(), r)
	if err != nil || len(damage) > 0 {
		t.Fatalf("damage %v, error %v", damage, err)
	}
	for _, s := range found {
		all = append(all, fmt.Sprint(s.Manifest.Account, " ", s.Head.Time.UnixMilli()))
	}
	return all
}

func mustStand(t *testing.T, what string, r *repo.Repo, account string, alarms ...repo.Head) {
	t.Helper()
	var want []string
	for _, head := range alarms {
		want = append(want, fmt.Sprint(account, " ", head.Time.UnixMilli()))
	}
	if got := standing(t, r); !slices.Equal(got, want) {
		t.Errorf("%s: alarms %v stand, want %v", what, got, want)
	}
}

// emptied is an account of which a night has an alarm, and some good nights later.
func emptied(t *testing.T, store *storetest.Memory, later int) (r *repo.Repo, alarming *backup.Result) {
	t.Helper()
	r = archivetest.NewRepo(t, store)
	account := archivetest.NewAccount()
	inbox := account.Mailbox("INBOX")
	for n := range 100 {
		inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\n", n))
	}
	archivetest.Backup(t, r, account)
	for _, m := range slices.Clone(inbox.Messages[1:]) {
		inbox.Expunge(m.UID)
	}
	store.Advance(24 * time.Hour)
	if alarming = archivetest.Backup(t, r, account); len(alarming.Manifest.Alarm) == 0 {
		t.Fatal("an emptied account has no alarm")
	}
	for n := range later {
		store.Advance(24 * time.Hour)
		inbox.Add(fmt.Sprintf("Subject: later %d\r\n\r\n", n))
		archivetest.Backup(t, r, account)
	}
	return r, alarming
}

func acknowledge(t *testing.T, r *repo.Repo, head repo.Head) {
	t.Helper()
	if err := r.Tag(t.Context(), head, []string{history.TagAcknowledged}, nil); err != nil {
		t.Fatal(err)
	}
}

// An alarm stands until somebody acknowledges it, however many good nights follow, and again if the
// acknowledgement is taken back.
func TestAlarmsStandUntilAcknowledged(t *testing.T) {
	r, alarming := emptied(t, &storetest.Memory{}, 5)
	mustStand(t, "five good nights later", r, "account-0", alarming.Head)
	acknowledge(t, r, alarming.Head)
	mustStand(t, "acknowledged", r, "account-0")
	if err := r.Tag(t.Context(), alarming.Head, nil, []string{history.TagAcknowledged}); err != nil {
		t.Fatal(err)
	}
	mustStand(t, "no longer acknowledged", r, "account-0", alarming.Head)
}

// A manifest with an alarm is never forgotten before that is acknowledged. Afterwards, prune
// deletes its alarm a day later, and keeps those of manifests that stay.
func TestAlarmsOfForgottenManifests(t *testing.T) {
	store := &storetest.Memory{}
	r, alarming := emptied(t, store, 5)
	forget := func() {
		t.Helper()
		plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	prune := func(when string, want int) {
		t.Helper()
		if _, err := archive.Prune(t.Context(), r, repo.PruneOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := alarms(t, r); n != want {
			t.Errorf("%s: prune left %d alarms, want %d", when, n, want)
		}
	}
	forget()
	store.Advance(49 * time.Hour)
	prune("before it is acknowledged", 1)
	mustStand(t, "forgotten what could be", r, "account-0", alarming.Head)
	acknowledge(t, r, alarming.Head)
	prune("acknowledged", 1)
	forget()
	mustStand(t, "forgotten", r, "account-0")
	prune("forgotten", 1)
	store.Advance(25 * time.Hour)
	prune("forgotten a day ago", 0)
}

// A rename, a copy and a manifest that is brought back have their alarms, and what was acknowledged
// stays so.
func TestAlarmsOfManifestsThatAreWrittenAgain(t *testing.T) {
	store := &storetest.Memory{}
	r, alarming := emptied(t, store, 2)
	elsewhere := &storetest.Memory{}
	second := archivetest.NewRepo(t, elsewhere)
	elsewhere.Advance(72 * time.Hour)
	archivetest.Copy(t, r, second)
	mustStand(t, "copied", second, "account-0", alarming.Head)
	acknowledge(t, r, alarming.Head)
	archivetest.Copy(t, r, second)
	mustStand(t, "copied, acknowledged", second, "account-0")
	if err := r.Tag(t.Context(), alarming.Head, nil, []string{history.TagAcknowledged}); err != nil {
		t.Fatal(err)
	}
	if _, err := rewrite.Rename(t.Context(), r, "account-0", "anna", false, func(repo.Head) {}); err != nil {
		t.Fatal(err)
	}
	mustStand(t, "renamed", r, "anna", alarming.Head)
}

// A run that is killed between the alarm and the manifest leaves an alarm that means nothing. A
// prune deletes it a day later.
func TestAlarmsWithoutManifests(t *testing.T) {
	store := &storetest.Memory{}
	r, alarming := emptied(t, store, 0)
	if err := store.Delete(t.Context(), alarming.Head.Name); err != nil {
		t.Fatal(err)
	}
	mustStand(t, "killed", archivetest.Reopen(t, store), "account-0")
	for _, left := range []int{1, 0} {
		if _, err := archive.Prune(t.Context(), r, repo.PruneOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := alarms(t, r); n != left {
			t.Errorf("%d alarms are left, want %d", n, left)
		}
		store.Advance(25 * time.Hour)
	}
}

// If somebody puts other bytes over a manifest with an alarm, its second copy is read. If that is
// damaged too, the damage says of which manifest.
func TestAlarmsThatCannotBeRead(t *testing.T) {
	store := &storetest.Memory{}
	_, alarming := emptied(t, store, 1)
	store.Replace(alarming.Head.Name, []byte("other bytes"))
	again := archivetest.Reopen(t, store)
	mustStand(t, "damaged", again, "account-0", alarming.Head)
	if c, err := archive.OpenManifest(t.Context(), again, alarming.Head); err != nil || c.Manifest.Account != "account-0" {
		t.Errorf("the second copy: %v", err)
	}
	store.Replace("alarms/"+strings.TrimPrefix(alarming.Head.Name, "manifests/"), []byte("other bytes"))
	found, damage, err := archive.StandingAlarms(t.Context(), archivetest.Reopen(t, store))
	var unread *archive.AlarmError
	if err != nil || len(found) > 0 || len(damage) != 1 || !errors.As(damage[0], &unread) || unread.Head.Name != alarming.Head.Name {
		t.Errorf("%d stand, damage %v, error %v", len(found), damage, err)
	}
}

// alarms returns the number of alarms that the store lists.
func alarms(t *testing.T, r *repo.Repo) (n int) {
	t.Helper()
	for _, err := range r.Alarms(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// A host that does not see the manifest of another, because both ran at once, continues from its
// own. The alarm of the other stands.
func TestAlarmsOfHostsThatRunAtOnce(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	whole, rest := archivetest.NewAccount(), archivetest.NewAccount()
	for n := range 60 {
		whole.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", n))
	}
	rest.Mailbox("INBOX").Add("Subject: 0\r\n\r\n")
	archivetest.Backup(t, r, whole)
	store.Advance(time.Hour)
	var other *backup.Result
	whole.OnSurvey = func(int) {
		whole.OnSurvey = nil
		other = archivetest.Backup(t, archivetest.Reopen(t, store), rest)
		time.Sleep(2 * time.Millisecond) // manifests have times in milliseconds
	}
	late := archivetest.Backup(t, r, whole)
	if len(other.Manifest.Alarm) == 0 || len(late.Manifest.Alarm) > 0 || !late.Head.Time.After(other.Head.Time) {
		t.Fatalf("alarms %v and then %v", other.Manifest.Alarm, late.Manifest.Alarm)
	}
	for range 3 {
		store.Advance(24 * time.Hour)
		archivetest.Backup(t, r, whole)
	}
	mustStand(t, "after nights that do not continue from it", r, "account-0", other.Head)
}

// A checkpoint has the alarms of its run, and so has the manifest of the run that continues from
// it: acknowledging that is enough.
func TestAlarmsOfCheckpointsAreTakenOver(t *testing.T) {
	r, alarming := emptied(t, &storetest.Memory{}, 1)
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit := func(state manifest.State) repo.Head {
		t.Helper()
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		m := *alarming.Manifest
		m.State, m.Alarm, m.Start, m.Deadline = state, []string{"of a run"}, run.Start(), run.Deadline()
		head, err := w.Commit(t.Context(), m.Account, m.EncodeAt)
		if err != nil {
			t.Fatal(err)
		}
		return head
	}
	checkpoint := commit(manifest.Checkpoint)
	mustStand(t, "a checkpoint", r, "account-0", checkpoint, alarming.Head)
	complete := commit(manifest.Complete)
	mustStand(t, "its run is complete", r, "account-0", complete, alarming.Head)
	acknowledge(t, r, complete)
	mustStand(t, "acknowledged", r, "account-0", alarming.Head)
}

// A checkpoint is not forgotten while its alarm stands: a run of another host, which did not know
// it, takes over nothing.
func TestAlarmsOfCheckpointsAreNotForgotten(t *testing.T) {
	store := &storetest.Memory{}
	r, account := archivetest.NewRepo(t, store), archivetest.NewAccount()
	account.Mailbox("INBOX").Add("Subject: 0\r\n\r\n")
	first := archivetest.Backup(t, r, account)
	store.Advance(time.Hour)
	var checkpoint repo.Head
	account.OnSurvey = func(int) {
		account.OnSurvey = nil
		run, err := r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		m := *first.Manifest
		m.State, m.Alarm, m.Start, m.Deadline = manifest.Checkpoint, []string{"of a run"}, run.Start(), run.Deadline()
		if checkpoint, err = w.Commit(t.Context(), m.Account, m.EncodeAt); err != nil {
			t.Fatal(err)
		}
		store.Advance(time.Minute)
	}
	archivetest.Backup(t, r, account)
	forget := func() {
		t.Helper()
		plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
		if err == nil {
			_, err = plan.Apply(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	forget()
	mustStand(t, "forgotten what could be", r, "account-0", checkpoint)
	acknowledge(t, r, checkpoint)
	mustStand(t, "acknowledged", r, "account-0")
	forget()
	for head, err := range r.Manifests(t.Context()) {
		if err != nil || head.Name == checkpoint.Name && !head.Marked {
			t.Errorf("an acknowledged checkpoint is kept, or %v", err)
		}
	}
}

// What stands costs a few round trips and one manifest for each alarm, not more after many nights.
func TestStandingAlarmsReadNoNights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := &storetest.Memory{}
		_, alarming := emptied(t, memory, 30)
		far := storetest.NewFar(memory)
		cold, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer cold.Close()
		far.Reset()
		mustStand(t, "after a month", cold, "account-0", alarming.Head)
		if got := far.Requests(); got.Get != 1 || got.List > 3 || far.RoundTrips() > 3 {
			t.Errorf("%+v in %d round trips", got, far.RoundTrips())
		}
	})
}

// lying is a manifest that a thief of a writer's key writes: it lacks all mail, and its alarm says
// something else.
func lying(t *testing.T, r *repo.Repo, like *manifest.Manifest, alarm string) (repo.Head, *manifest.Manifest) {
	t.Helper()
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := *like
	m.Alarm, m.Parent, m.Start, m.Deadline = []string{alarm}, [32]byte{}, run.Start(), run.Deadline()
	if err := m.SetMailboxes(nil, nil); err != nil {
		t.Fatal(err)
	}
	head, err := w.Commit(t.Context(), m.Account, m.EncodeAt)
	if err != nil {
		t.Fatal(err)
	}
	return head, &m
}

// One acknowledgement settles the alarms that only report the same loss. It does not settle one
// that says so of a manifest that lacks mail itself.
func TestSettledAlarms(t *testing.T) {
	for _, lies := range []bool{false, true} {
		store := &storetest.Memory{}
		h := newNights(t, 60)
		h.store = store
		h.repo = archivetest.NewRepo(t, store)
		h.night(h.account)
		h.night(archivetest.NewAccount())
		empty := h.nights[1]
		var reports repo.Head
		if lies {
			h.night(h.account)
			u := archive.Unreported{Head: empty.Head, Before: h.nights[0].Head, Lost: []string{"the account is empty"}}
			reports, _ = lying(t, h.repo, h.nights[2].Manifest, u.String())
		} else {
			other := archivetest.Reopen(t, store) // a host that has not written the manifest
			b := archivetest.Backup(t, other, archivetest.NewAccount())
			reports = b.Head
		}
		store.Advance(time.Hour)
		mustStand(t, "before", h.repo, "account-0", reports)
		acknowledge(t, h.repo, empty.Head)
		settled, err := archive.SettledAlarms(t.Context(), h.repo, nil)
		if err != nil || (len(settled) == 1) == lies {
			t.Errorf("lies %v: %d are settled, %v", lies, len(settled), err)
		}
	}
}

// The comparison finds what a manifest lacks, whatever its alarm says.
func TestLossesThatAnAlarmDoesNotMention(t *testing.T) {
	h := newNights(t, 60)
	h.night(h.account)
	head, m := lying(t, h.repo, h.nights[0].Manifest, `mailbox "Old" is gone: 1 message before; nowhere in the account now: 1`)
	lost, err := archive.LostBefore(t.Context(), h.repo, archive.Summary{Head: head, Manifest: m}, nil)
	if err != nil || len(lost) != 2 {
		t.Errorf("lost %q, %v", lost, err)
	}
}

// unlist deletes the objects below alarms/: a program before December 2026 put none, and a thief of
// a writer's key need not.
func unlist(t *testing.T, store *storetest.Memory) {
	t.Helper()
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "alarms/") {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The next backup of a host that did not write it lists an alarm that is not listed, although the
// nights since were good. So does forget, which keeps its manifest.
func TestAlarmsThatAreNotListed(t *testing.T) {
	for _, later := range []int{0, 2} {
		store := &storetest.Memory{}
		r, alarming := emptied(t, store, later)
		unlist(t, store)
		mustStand(t, "not listed", r, "account-0")
		account := archivetest.NewAccount()
		account.Mailbox("INBOX").Add("Subject: 0\r\n\r\n")
		archivetest.Backup(t, archivetest.Reopen(t, store), account)
		mustStand(t, fmt.Sprintf("after %d good nights and a backup of another host", later), r, "account-0", alarming.Head)

		unlist(t, store)
		plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
		if err == nil {
			_, err = plan.Apply(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		mustStand(t, "after forget", r, "account-0", alarming.Head)
		acknowledge(t, r, alarming.Head)
		unlist(t, store)
		if plan, err = archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil); err == nil {
			_, err = plan.Apply(t.Context())
		}
		if err != nil || alarms(t, r) > 0 {
			t.Errorf("forget lists an acknowledged alarm, or %v", err)
		}
	}
}
