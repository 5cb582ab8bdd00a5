package repo_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A run is killed at each operation on the store. Earlier manifests stay complete, every manifest
// that is listed as committed is complete, and the next run succeeds.
func TestCrashAnywhere(t *testing.T) {
	for name, fault := range map[string]storetest.Fault{
		"refused": storetest.Refuse, "lost": storetest.Lose, "cut": storetest.Truncate,
	} {
		t.Run(name, func(t *testing.T) {
			base := new(storetest.Memory)
			r := mustInit(t, base, repo.InitOptions{NoSeal: true})
			before, _, _ := mustBackup(t, r, "me", 1, 12)
			for n := 1; ; n++ {
				store := base.Clone()
				faulty := &storetest.Faulty{Store: store, Fail: storetest.CrashAt(n, fault)}
				host, err := repo.Open(t.Context(), faulty, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
				if err == nil {
					_, _, _, err = backup(t.Context(), t, host, "me", 2, 12)
					host.Close()
				}
				if done := faulty.Ops() < n; done != (err == nil) {
					t.Fatalf("operation %d of %d failed, and the run returns: %v", n, faulty.Ops(), err)
				} else if done {
					break
				}
				again, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				mustRead(t, again, before)
				rd := again.Reader(repo.ReaderOptions{})
				for _, id := range committed(t, again) {
					if _, err := rd.Chunk(t.Context(), id); err != nil {
						t.Fatalf("after a crash at operation %d: %v", n, err)
					}
				}
				c, _, _ := mustBackup(t, again, "me", 2, 12)
				mustRead(t, again, c)
				mustBeSound(t, again)
				again.Close()
			}
		})
	}
}

// Init can be repeated after a crash at any operation. Only a complete Init makes a repository.
func TestInitAfterCrash(t *testing.T) {
	for n := 1; ; n++ {
		store := new(storetest.Memory)
		faulty := &storetest.Faulty{Store: store, Fail: storetest.CrashAt(n, storetest.Refuse)}
		o := sealedOptions()
		o.CacheDir = t.TempDir()
		if _, err := repo.Init(t.Context(), faulty, o); err == nil {
			break
		}
		if _, err := repo.Open(t.Context(), store, unlocked(), o.Options); errors.Is(err, repo.ErrNoRepository) {
			r := mustInit(t, store, o)
			c, _, _ := mustBackup(t, r, "me", 1, 20)
			mustRead(t, reopen(t, store, r), c)
		} else if err != nil {
			t.Fatalf("after a crash at operation %d: %v", n, err)
		}
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	store := new(storetest.Memory)
	first := mustInit(t, store, sealedOptions())
	second := reopen(t, store, first)
	var wg sync.WaitGroup
	contents := make([]content, 4)
	for i, r := range []*repo.Repo{first, second, first, second} {
		wg.Go(func() {
			account := []string{"me", "you"}[i%2]
			c, _, _, err := backup(t.Context(), t, r, account, uint64(1+i/2), 300)
			if err != nil {
				t.Error(err)
			}
			contents[i] = c
		})
	}
	wg.Wait()
	third := reopen(t, store, first)
	for _, c := range contents {
		mustRead(t, third, c)
	}
	mustBeSound(t, third)
}

// Chunks that only condemned packs hold are stored again (rule 2).
func TestCondemnedPacksAreNotUsed(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	c, _, _ := mustBackup(t, r, "me", 1, 50)
	condemnAll(t, r, store)
	host := reopen(t, store, r)
	_, _, s := mustBackup(t, host, "me", 1, 50)
	if s.Chunks != 50 || s.Known != 0 {
		t.Errorf("with all packs condemned, %d chunks were stored and %d counted as stored", s.Chunks, s.Known)
	}
	// After the packs are deleted, readers find the other copy, even with an old index.
	condemned, err := r.Condemned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for p := range condemned {
		if err := store.Delete(t.Context(), p.String()); err != nil {
			t.Fatal(err)
		}
	}
	mustRead(t, host, c)
	mustRead(t, reopen(t, store, r), c)
	mustBeSound(t, reopen(t, store, r))
}

func condemnAll(t *testing.T, r *repo.Repo, store *storetest.Memory) {
	t.Helper()
	var packs []repo.Pack
	for id := range packIDs(store) {
		packs = append(packs, id)
	}
	if err := r.Condemn(t.Context(), packs); err != nil {
		t.Fatal(err)
	}
}

func TestLateRunDoesNotCommit(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	store.Advance(repo.Lifetime + time.Minute)
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), nil)); !errors.Is(err, repo.ErrLate) {
		t.Errorf("after the deadline: %v", err)
	}
	if n := count(store, "manifests/"); n != 0 {
		t.Errorf("%d manifests", n)
	}
}

// slowPut is a store in which time passes while a manifest is put.
type slowPut struct {
	*storetest.Memory
	by time.Duration
}

func (s slowPut) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, "manifests/") {
		s.Advance(s.by)
	}
	return s.Memory.Put(ctx, name, body, size)
}

// A manifest that the store got after its deadline is late for every host (rule 4).
func TestLateManifestIsNotCommitted(t *testing.T) {
	memory := new(storetest.Memory)
	mustInit(t, memory, repo.InitOptions{NoSeal: true})
	slow := slowPut{memory, repo.Lifetime + time.Minute}
	r, err := repo.Open(t.Context(), slow, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, _, err := backup(t.Context(), t, r, "me", 1, 5); !errors.Is(err, repo.ErrLate) {
		t.Errorf("a manifest that was under way for 12 hours: %v", err)
	}
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heads := 0
	for h, err := range run.Heads(t.Context(), "me") {
		heads++
		if err != nil || !h.Late || h.Marked {
			t.Errorf("%+v, %v", h, err)
		}
	}
	if heads != 1 {
		t.Errorf("%d heads", heads)
	}
}

// aheadStore is a store that dates manifests ahead of its clock, as one with a server of a wrong
// clock does.
type aheadStore struct{ *storetest.Memory }

func (s aheadStore) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range s.Memory.List(ctx, prefix) {
			o.Time = o.Time.Add(30 * time.Hour)
			if !yield(o, err) {
				return
			}
		}
	}
}

// A clock of the store that is wrong is named: the run did not take 12 hours.
func TestStoreClockGoesAhead(t *testing.T) {
	memory := new(storetest.Memory)
	mustInit(t, memory, repo.InitOptions{NoSeal: true})
	r, err := repo.Open(t.Context(), aheadStore{memory}, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, _, _, err = backup(t.Context(), t, r, "me", 1, 5)
	if !errors.Is(err, repo.ErrAhead) || errors.Is(err, repo.ErrLate) || !strings.Contains(err.Error(), "it showed ") {
		t.Errorf("manifests of tomorrow: %v", err)
	}
	leaps := new(storetest.Memory)
	host := mustInit(t, leaps, sealedOptions())
	run, err := host.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	leaps.Leap(30 * time.Hour)
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), nil)); !errors.Is(err, repo.ErrAhead) {
		t.Errorf("a clock that leaps: %v", err)
	}
}

func TestStoreClockGoesBack(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	store.Advance(-time.Hour)
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), nil)); !errors.Is(err, repo.ErrClock) {
		t.Errorf("an hour back: %v", err)
	}
}

func TestMarkedHeads(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, first, _ := mustBackup(t, r, "me", 1, 5)
	store.Advance(time.Hour)
	_, second, _ := mustBackup(t, r, "me", 2, 5)
	mustBackup(t, r, "you", 3, 5)
	parent := [32]byte(first.ID)
	if err := r.Mark(t.Context(), second, &parent); err != nil {
		t.Fatal(err)
	}
	run, err := reopen(t, store, r).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seen []repo.Head
	for h, err := range run.Heads(t.Context(), "me") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, h)
	}
	if len(seen) != 2 || seen[0].Name != second.Name || !seen[0].Marked || seen[1].Name != first.Name || seen[1].Marked {
		t.Errorf("%+v", seen)
	}
	marks, err := r.Marks(t.Context())
	if err != nil || len(marks) != 1 || *marks[second.Name].Parent != parent {
		t.Errorf("%+v, %v", marks, err)
	}
}

func TestCanceledRun(t *testing.T) {
	r := mustInit(t, new(storetest.Memory), sealedOptions())
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := run.Writer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Put(ctx, repo.LaneText, []byte("x")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, _, err := w.Put(t.Context(), repo.LaneText, []byte("y")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := w.Flush(t.Context()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.Close()
}
