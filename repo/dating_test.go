package repo_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// liar is a store that reports a wrong time, like one behind a proxy.
type liar struct {
	*storetest.Memory
	by time.Duration
}

func (l liar) Now(ctx context.Context) (time.Time, error) {
	now, err := l.Memory.Now(ctx)
	return now.Add(l.by), err
}

func (l liar) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range l.Memory.List(ctx, prefix) {
			o.Time = o.Time.Add(l.by)
			if !yield(o, err) {
				return
			}
		}
	}
}

// writeAt commits a manifest in a run for which the store's clock is off.
func writeAt(t *testing.T, store *storetest.Memory, r *repo.Repo, by time.Duration, seed uint64) repo.Head {
	t.Helper()
	_, h, _ := mustBackup(t, reopen(t, liar{store, by}, r), "me", seed, 3)
	return h
}

// heads returns the manifests of the account that a run lists, by name.
func heads(t *testing.T, r *repo.Repo) (newest repo.Head, all map[string]repo.Head) {
	t.Helper()
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]repo.Head{}
	for h, err := range run.Heads(t.Context(), "me") {
		if err != nil && h.Name == "" {
			t.Fatal(err)
		}
		if err == nil && h.Committed() && newest.Name == "" {
			newest = h
		}
		all[h.Name] = h
	}
	return newest, all
}

// A manifest that is dated after the present is never a parent, and later backups ignore it: at
// once, at the time in its name, and later.
func TestFutureManifestIsIgnored(t *testing.T) {
	for _, by := range []time.Duration{10 * time.Minute, 3 * time.Hour, 48 * time.Hour, 74 * 365 * 24 * time.Hour} {
		store := new(storetest.Memory)
		r := mustInit(t, store, sealedOptions())
		mustBackup(t, r, "me", 1, 3)
		forged := writeAt(t, store, r, by, 2)
		_, honest, _ := mustBackup(t, r, "me", 3, 3)
		for _, wait := range []time.Duration{0, max(0, by-time.Hour), 2 * time.Hour} {
			store.Advance(wait)
			if newest, all := heads(t, r); newest.Name != honest.Name || all[forged.Name].Misdated == "" {
				t.Errorf("%s ahead, %s later: the parent is of %s; the forged one: %q", by, wait, newest.Time, all[forged.Name].Misdated)
			}
		}
		if honest.Time.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s ahead: a correct manifest is of %s", by, honest.Time)
		}
	}
}

// A store whose clock was two days ahead for one night delays no later backup. The manifest of that
// night counts when its time is past.
func TestStoreClockAheadForOneNight(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	mustBackup(t, r, "me", 1, 3)
	store.Leap(48 * time.Hour)
	_, ahead, _ := mustBackup(t, r, "me", 2, 3)
	store.Leap(-48 * time.Hour)
	_, next, _ := mustBackup(t, r, "me", 3, 3)
	newest, all := heads(t, r)
	if newest.Name != next.Name || all[ahead.Name].Misdated == "" || all[ahead.Name].Misdating() == nil {
		t.Errorf("the parent is of %s, the night's manifest: %q", newest.Time, all[ahead.Name].Misdated)
	}
	store.Advance(49 * time.Hour)
	if newest, _ = heads(t, r); newest.Name != ahead.Name {
		t.Errorf("two days later the newest is of %s", newest.Time)
	}
	_, last, _ := mustBackup(t, r, "me", 4, 3)
	if newest, _ = heads(t, r); newest.Name != last.Name {
		t.Errorf("after one more night the newest is of %s", newest.Time)
	}
}

// A manifest whose deadline no run can have is misdated. Otherwise it would never be late.
func TestImpossibleDeadline(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, honest, _ := mustBackup(t, r, "me", 1, 3)
	for _, deadline := range []time.Time{time.Now().Add(24 * time.Hour), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)} {
		at := time.Now() // in the name and the content: two calls of Now can differ, which would rename the manifest
		content, err := encodeManifest(t, deadline, nil)(at)
		if err != nil {
			t.Fatal(err)
		}
		name, stored, err := repo.Forge(r, "me", at, content)
		if err != nil {
			t.Fatal(err)
		}
		store.Replace(name, stored)
		if newest, all := heads(t, r); newest.Name != honest.Name || !strings.Contains(all[name].Misdated, "deadline") {
			t.Errorf("with a deadline of %s: %q", deadline, all[name].Misdated)
		}
	}
}

// A manifest under another name is rejected: with a later or an earlier time, and also if an old
// version of mailstrata wrote it, without a time.
func TestRenamedManifestIsRejected(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, h, _ := mustBackup(t, r, "me", 1, 3)
	old, err := repo.Outline(h.Time.Add(-time.Hour), h.Time.Add(repo.Lifetime-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		content []byte
		of, by  time.Duration
		right   bool
	}{
		{nil, 0, 0, true}, {nil, 0, time.Millisecond, false}, {nil, 0, -time.Hour, false}, {nil, 0, -1000 * time.Hour, false},
		{old, 0, 0, true}, {old, -time.Hour, 0, true}, {old, 2 * time.Hour, 0, true}, {old, 0, -2 * time.Hour, false}, {old, 13 * time.Hour, 0, false},
	} {
		at := h.Time.Add(c.of + c.by)
		var name string
		stored, err := store.Bytes(h.Name), error(nil)
		if c.content != nil {
			name, stored, err = repo.Forge(r, "me", at, c.content)
		} else {
			name = repo.Rename(h, at)
		}
		if err != nil {
			t.Fatal(err)
		}
		store.Replace(name, stored)
		head, _ := repo.ParseManifest(name)
		if _, err := r.Manifest(t.Context(), head); (err == nil) != c.right || err != nil && !errors.Is(err, repo.ErrNotMine) {
			t.Errorf("%s of a manifest by %s: %v", name, c.of+c.by, err)
		}
		if _, err := r.Root(t.Context(), head); err != nil {
			t.Errorf("%s is no root: %v", name, err)
		}
	}
}

// Prune and forget remove nothing while the clocks differ. After that they work as usual.
func TestNothingIsRemovedWhileClocksDiffer(t *testing.T) {
	for _, leap := range []time.Duration{2 * time.Hour, 48 * time.Hour, -48 * time.Hour} {
		store := new(storetest.Memory)
		r := mustInit(t, store, sealedOptions())
		_, gone, _ := mustBackup(t, r, "me", 1, 20)
		mustBackup(t, r, "me", 2, 20)
		if err := r.Mark(t.Context(), gone, nil); err != nil {
			t.Fatal(err)
		}
		before := len(store.Names())
		store.Leap(leap)
		if report, err := r.Prune(t.Context(), repo.PruneOptions{}, nil); !errors.Is(err, repo.ErrSkew) || len(store.Names()) != before {
			t.Errorf("%s apart: %+v, %v", leap, report, err)
		}
		if err := r.Mark(t.Context(), gone, nil); !errors.Is(err, repo.ErrSkew) {
			t.Errorf("%s apart a mark: %v", leap, err)
		}
		store.Leap(-leap)
		if err := r.Mark(t.Context(), gone, nil); err != nil {
			t.Errorf("clocks agree: %v", err)
		}
	}
}

// A host does not remember a manifest of a night when the store's clock was ahead as its newest.
// Otherwise the newest ones of the next nights could be removed unnoticed.
func TestHostDoesNotRememberFutureManifest(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	host, err := repo.Open(t.Context(), store, unlocked(), repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "here"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	mustBackup(t, r, "me", 1, 3)
	store.Leap(48 * time.Hour)
	mustBackup(t, host, "me", 2, 3)
	store.Leap(-48 * time.Hour)
	_, last, _ := mustBackup(t, host, "me", 3, 3)
	if err := store.Delete(t.Context(), last.Name); err != nil {
		t.Fatal(err)
	}
	run, err := host.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if name, lost, err := run.Lost(t.Context(), "me"); name != last.Name || !lost || err != nil {
		t.Errorf("lost is %q, %v, %v", name, lost, err)
	}
}

// A run does not begin if the store's clock was reset, because by that clock all manifests lie in
// the future.
func TestStoreClockReset(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	store.Leap(-48 * time.Hour)
	if _, err := r.Begin(t.Context()); err != nil {
		t.Errorf("two days behind: %v", err)
	}
	store.Leap(-20 * 365 * 24 * time.Hour)
	if _, err := r.Begin(t.Context()); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("twenty years behind: %v", err)
	}
}
