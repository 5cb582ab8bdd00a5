package health_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// only returns the state of the only account.
func only(t *testing.T, r *repo.Repo) *health.Account {
	t.Helper()
	accounts, damage, err := health.Accounts(t.Context(), r, nil)
	if err != nil || len(damage) > 0 || len(accounts) != 1 {
		t.Fatalf("%d accounts, damage %v, error %v", len(accounts), damage, err)
	}
	return accounts[0]
}

// account returns an account with messages.
func account(n int) *archivetest.Account {
	a := archivetest.NewAccount()
	for i := range n {
		a.Mailbox("INBOX").Add("Subject: " + strings.Repeat("x", i) + "\r\n\r\n")
	}
	return a
}

// An alarm stays until it is acknowledged, and the last good night is the one before it. Then the
// account is good again on its next night.
func TestAlarmsUntilAcknowledged(t *testing.T) {
	r := archivetest.NewRepo(t, &storetest.Memory{})
	if accounts, damage, err := health.Accounts(t.Context(), r, nil); err != nil || len(accounts)+len(damage) > 0 {
		t.Fatalf("an empty repository has accounts %v, damage %v, error %v", accounts, damage, err)
	}
	good := archivetest.Backup(t, r, account(100))
	a := only(t, r)
	if !a.LastGood.Equal(good.Head.Time) || a.Newest.Head.Name != good.Head.Name || len(a.Alarms)+len(a.Lost)+len(a.Damage) > 0 {
		t.Errorf("after a good night: %+v", a)
	}

	small := account(1)
	bad := archivetest.Backup(t, r, small)
	if a = only(t, r); len(a.Alarms) == 0 || !a.LastGood.Equal(good.Head.Time) || a.Newest.Head.Name != bad.Head.Name {
		t.Errorf("after an account shrank: %+v", a)
	}
	if err := r.Tag(t.Context(), bad.Head, []string{"acknowledged"}, nil); err != nil {
		t.Fatal(err)
	}
	if a = only(t, r); len(a.Alarms) > 0 || !a.LastGood.Equal(good.Head.Time) {
		t.Errorf("after the alarm was acknowledged: %+v", a)
	}
	next := archivetest.Backup(t, r, small)
	if a = only(t, r); len(a.Alarms) > 0 || !a.LastGood.Equal(next.Head.Time) {
		t.Errorf("after the next night: %+v", a)
	}
}

// An alarm of Friday is named on Monday, although the nights since were good. The last good night
// is the newest, with its messages.
func TestAlarmsAfterGoodNights(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, account(100))
	small := account(1)
	bad := archivetest.Backup(t, r, small)
	var newest *backup.Result
	for range 5 {
		store.Advance(24 * time.Hour)
		newest = archivetest.Backup(t, r, small)
	}
	a := only(t, r)
	if len(a.Alarms) != 1 || a.Alarms[0].Head.Name != bad.Head.Name || !slices.Equal(a.AlarmTexts(), bad.Manifest.Alarm) {
		t.Errorf("five good nights later: %+v", a.Alarms)
	}
	if !a.LastGood.Equal(newest.Head.Time) || a.Newest.Head.Name != newest.Head.Name {
		t.Errorf("the last good night is %v, want %v", a.LastGood, newest.Head.Time)
	}
	if err := r.Tag(t.Context(), bad.Head, []string{"acknowledged"}, nil); err != nil {
		t.Fatal(err)
	}
	if a = only(t, r); len(a.Alarms) > 0 {
		t.Errorf("acknowledged: %+v", a.Alarms)
	}
}

// Programs before December 2026 did not list alarms. Those since the last good night are named all
// the same.
func TestAlarmsOfOlderPrograms(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, account(100))
	bad := archivetest.Backup(t, r, account(1))
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "alarms/") {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a := only(t, r); len(a.Alarms) != 1 || a.Alarms[0].Head.Name != bad.Head.Name {
		t.Errorf("%+v", a.Alarms)
	}
	if err := r.Tag(t.Context(), bad.Head, []string{"acknowledged"}, nil); err != nil {
		t.Fatal(err)
	}
	if a := only(t, r); len(a.Alarms) > 0 {
		t.Errorf("acknowledged: %+v", a.Alarms)
	}
}

// damage changes a byte of a manifest.
func damage(m *storetest.Memory, b *backup.Result) {
	data := m.Bytes(b.Head.Name)
	data[len(data)/2] ^= 1
	m.Replace(b.Head.Name, data)
}

// A damaged manifest is damage of its account, and the older ones say how it is doing. If no
// manifest of an account can be read, nobody knows which account it is, and the damage is returned
// by itself.
func TestDamagedManifests(t *testing.T) {
	memory := &storetest.Memory{}
	r := archivetest.NewRepo(t, memory)
	a := account(3)
	older, newer := archivetest.Backup(t, r, a), archivetest.Backup(t, r, a)
	damage(memory, newer)
	if got := only(t, archivetest.Reopen(t, memory)); len(got.Damage) != 1 || !got.LastGood.Equal(older.Head.Time) {
		t.Errorf("with a damaged newest manifest: %+v", got)
	}
	damage(memory, older)
	accounts, damaged, err := health.Accounts(t.Context(), archivetest.Reopen(t, memory), nil)
	if err != nil || len(accounts) > 0 || len(damaged) != 2 {
		t.Errorf("with damaged manifests alone: %v, damage %v, error %v", accounts, damaged, err)
	}
	if !slices.ContainsFunc(damaged, func(err error) bool { return strings.Contains(err.Error(), older.Head.Name) }) {
		t.Errorf("the damage names no object: %v", damaged)
	}
}

// What counts is the share that was checked longest ago, of the division of which all shares are
// checked. Records of an earlier division and records of the future do not hide it.
func TestLastReadOfShares(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	rolled := func(share repo.Share) time.Time {
		t.Helper()
		rolling, err := r.Rolling(t.Context(), share, 24*time.Hour)
		if err == nil {
			err = r.Rolled(t.Context(), rolling)
		}
		if err != nil {
			t.Fatal(err)
		}
		now, err := store.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	expect := func(want time.Time, whole bool) {
		t.Helper()
		last, all, err := health.LastRead(t.Context(), r)
		if err != nil || all != whole || last.Time.Sub(want).Abs() > time.Minute {
			t.Errorf("%v %v %v, want %v %v", last.Time, all, err, want, whole)
		}
	}
	expect(time.Time{}, false)
	store.Advance(-20 * 24 * time.Hour)
	expect(rolled(repo.Share{}), true)
	store.Advance(24 * time.Hour)
	first := rolled(repo.Share{N: 1, Of: 2})
	expect(first.Add(-24*time.Hour), true) // share 2 is not checked yet
	store.Advance(24 * time.Hour)
	rolled(repo.Share{N: 2, Of: 2})
	expect(first, true)
	store.Advance(24 * time.Hour)
	again := rolled(repo.Share{N: 1, Of: 2})
	expect(again.Add(-24*time.Hour), true)
	before := store.Names()
	store.Advance(40 * 24 * time.Hour)
	rolled(repo.Share{})
	store.Advance(-40 * 24 * time.Hour)
	for _, name := range store.Names() {
		if !slices.Contains(before, name) { // as if the store got it now
			data := store.Bytes(name)
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			store.Replace(name, data)
		}
	}
	expect(again.Add(-24*time.Hour), true)
}
