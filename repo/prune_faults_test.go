package repo_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// eventful returns a repository in which the next prune does every kind of work: it has manifests
// and packs to delete, packs to condemn and to rewrite, and segments to merge and to delete. It
// also returns the chunks that must stay.
func eventful(t *testing.T) (*repo.Repo, *storetest.Memory, content) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	needed := content{}
	nights := func(first, forgotten, last uint64) {
		for night := first; night <= last; night++ {
			c, h, _ := mustBackup(t, r, "me", night, 2)
			if night < forgotten {
				mustMark(t, r, h)
				continue
			}
			for id := range c {
				needed[id] = c[id]
			}
		}
		store.Advance(day)
	}
	repo.MergeTwo(t)
	nights(1, 2, 3)
	prune(t, r, repo.PruneOptions{MaxUnused: 1})
	nights(11, 12, 13)
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	some := content{}
	chunks, lanes := chunksOf(99, 12)
	for i := range chunks {
		id, _, err := w.Put(t.Context(), lanes[i], chunks[i])
		if err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			some[id], needed[id] = chunks[i], chunks[i]
		}
	}
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), some)); err != nil {
		t.Fatal(err)
	}
	store.Advance(day)
	return r, store, needed
}

// mustHave reads, as another host, all chunks that are needed.
func mustHave(t *testing.T, r *repo.Repo, store store.Store, needed content, manifests int) {
	t.Helper()
	host := repo.On(r, store, "")
	defer host.Close()
	mustRead(t, host, needed)
	if n := unmarked(t, host); n != manifests {
		t.Errorf("%d manifests are left of %d", n, manifests)
	}
}

// mustStand is mustHave, and also runs a check.
func mustStand(t *testing.T, r *repo.Repo, store store.Store, needed content, manifests int) {
	t.Helper()
	mustHave(t, r, store, needed, manifests)
	host := repo.On(r, store, "")
	defer host.Close()
	if _, err := host.Check(t.Context(), repo.HashRange{}, repo.Share{}, func(p repo.Problem) {
		if !p.Kind.Harmless() {
			t.Error(p)
		}
	}, nil); err != nil {
		t.Error(err)
	}
}

// unmarked counts the manifests that no mark names.
func unmarked(t *testing.T, r *repo.Repo) (n int) {
	t.Helper()
	for h, err := range r.EveryManifest(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !h.Marked {
			n++
		}
	}
	return n
}

// The store crashes, loses an answer, or cuts one short at the n-th operation of a prune, for every
// n. Every chunk that is needed stays, and later prunes complete the work.
func TestPruneWhereTheStoreFails(t *testing.T) {
	r, base, needed := eventful(t)
	manifests := unmarked(t, r)
	calm := base.Clone()
	report := prune(t, repo.On(r, calm, t.TempDir()), repo.PruneOptions{MaxUnused: 0})
	for what, n := range map[string]int{
		"manifests deleted": report.Manifests.Objects, "packs deleted": report.Deleted.Objects, "packs condemned": report.Condemned.Objects,
		"packs rewritten": report.Rewritten.Objects, "segments merged": report.Segments.Objects, "segments deleted": report.Replaced.Objects,
	} {
		if n == 0 {
			t.Fatalf("the prune to test has no %s: %+v", what, report)
		}
	}
	mustStand(t, r, calm, needed, manifests)
	settled := settle(t, r, calm)

	trials := 0
	for _, trial := range []struct {
		name  string
		kinds []string
		fail  func(n int) func(storetest.Op) storetest.Fault
	}{
		{"crash", nil, func(n int) func(storetest.Op) storetest.Fault { return storetest.CrashAt(n, storetest.Refuse) }},
		{"lost answer", []string{"put", "delete"}, once(storetest.Lose)},
		{"torn answer", []string{"get", "list"}, once(storetest.Truncate)},
	} {
		for n := 1; ; n++ {
			store := base.Clone()
			var hit string
			fail := trial.fail(n)
			faulty := &storetest.Faulty{Store: store, Fail: func(op storetest.Op) storetest.Fault {
				if op.N == n {
					hit = op.Kind
				}
				if op.N == n && trial.kinds != nil && !slices.Contains(trial.kinds, op.Kind) {
					return storetest.None
				}
				return fail(op)
			}}
			host := repo.On(r, faulty, "")
			_, err := host.Prune(t.Context(), repo.PruneOptions{MaxUnused: 0}, walkOf(host))
			host.Close()
			if hit == "" {
				break
			}
			if trial.kinds != nil && !slices.Contains(trial.kinds, hit) {
				continue
			}
			if err == nil && trial.name == "crash" {
				t.Errorf("crash at operation %d: no error", n)
			}
			if err != nil && !errors.Is(err, storetest.ErrFault) {
				t.Errorf("%s at operation %d: %v", trial.name, n, err)
			}
			trials++
			mustHave(t, r, store, needed, manifests)
			if n%16 == 0 {
				mustStand(t, r, store, needed, manifests)
				if got := settle(t, r, store); got > settled*11/10+1000 {
					t.Errorf("%s at operation %d: %d bytes are left, and %d where nothing failed", trial.name, n, got, settled)
				}
				mustStand(t, r, store, needed, manifests)
			}
			if t.Failed() {
				t.Fatalf("after %s at operation %d", trial.name, n)
			}
		}
	}
	t.Logf("%d trials", trials)
}

func once(f storetest.Fault) func(int) func(storetest.Op) storetest.Fault {
	return func(n int) func(storetest.Op) storetest.Fault {
		return func(op storetest.Op) storetest.Fault {
			if op.N == n {
				return f
			}
			return storetest.None
		}
	}
}

// settle prunes until nothing is left to do, and returns the packs.
func settle(t *testing.T, r *repo.Repo, store *storetest.Memory) int64 {
	t.Helper()
	for range 3 {
		host := repo.On(r, store, "")
		if _, err := host.Prune(t.Context(), repo.PruneOptions{MaxUnused: 0}, walkOf(host)); err != nil {
			t.Fatal(err)
		}
		host.Close()
		store.Advance(day)
	}
	return bytesIn(t, store, "data/", "catalog/")
}

// The store fails while a manifest is marked. The manifest is either marked or not, and marking it
// again succeeds.
func TestMarkWhereTheStoreFails(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	_, h, _ := mustBackup(t, r, "me", 1, 2)
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose} {
		clone := store.Clone()
		faulty := &storetest.Faulty{Store: clone, Fail: func(op storetest.Op) storetest.Fault {
			if op.Kind == "put" {
				return fault
			}
			return storetest.None
		}}
		if err := repo.On(r, faulty, t.TempDir()).Mark(t.Context(), h, nil); err == nil {
			t.Error("no error")
		}
		host := repo.On(r, clone, t.TempDir())
		if n := unmarked(t, host); n != 1 && fault == storetest.Refuse || n != 0 && fault == storetest.Lose {
			t.Errorf("fault %d: %d unmarked", fault, n)
		}
		mustMark(t, host, h)
		if n := unmarked(t, host); n != 0 {
			t.Errorf("%d unmarked", n)
		}
	}
}

// late is a store whose listings show an earlier state.
type late struct {
	*storetest.Memory
	then *storetest.Memory
}

func (l late) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return l.then.List(ctx, prefix)
}

// Prunes and backups alternate on a store whose listings lag behind. Mail that the listing does not
// show yet stays, and so does what it shares with forgotten manifests.
func TestPruneWhereListingsLag(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	_, lastHead, _ := mustBackup(t, r, "me", 1, 6)
	for night := range uint64(8) {
		then := store.Clone()
		c, h, _ := mustBackup(t, repo.On(r, store, t.TempDir()), "me", 1+night%2, 6)
		mustMark(t, r, lastHead)
		host := repo.On(r, late{store, then}, t.TempDir())
		if _, err := host.Prune(t.Context(), repo.PruneOptions{}, walkOf(host)); err != nil {
			t.Fatal(err)
		}
		lastHead = h
		fresh := repo.On(r, store, t.TempDir())
		mustRead(t, fresh, c)
		mustBeSound(t, fresh)
		store.Advance(day / 3)
	}
}

// Prune neither rewrites nor deletes a damaged pack, and deletes no copy because of a chunk in it.
func TestPruneLeavesDamagedPacks(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	chunks, lanes := chunksOf(7, 40)
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	some := content{}
	for i := range chunks {
		if lanes[i] != repo.LaneBody { // only one frame is damaged
			continue
		}
		id, _, err := w.Put(t.Context(), lanes[i], chunks[i])
		if err != nil {
			t.Fatal(err)
		}
		if i%8 == 2 {
			some[id] = chunks[i]
		}
	}
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), some)); err != nil {
		t.Fatal(err)
	}
	var packs []string
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "data/") {
			packs = append(packs, name)
			b := store.Bytes(name)
			b[len(b)/2] ^= 1
			store.Replace(name, b)
		}
	}
	for range 3 {
		store.Advance(day)
		host := repo.On(r, store, t.TempDir())
		var left []string
		_, err := host.Prune(t.Context(), repo.PruneOptions{Left: func(name string, err error) { left = append(left, fmt.Sprint(name, err)) }}, walkOf(host))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			t.Error("the damage is not reported")
		}
	}
	for _, name := range packs {
		if store.Bytes(name) == nil {
			t.Errorf("%s is gone", name)
		}
	}
}
