package repo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// walkOf returns a walk for the manifests of these tests, which name their chunks directly.
func walkOf(r *repo.Repo) repo.Walk {
	follow := func(ctx context.Context, h repo.Head, reach repo.Reach) error {
		b, err := r.Manifest(ctx, h)
		if err != nil {
			return err
		}
		var m manifest
		if err := cbor.Unmarshal(b, &m); err != nil {
			return err
		}
		for _, id := range m.IDs {
			if _, err := reach(chunk.ID(id), 0); err != nil {
				return err
			}
		}
		return nil
	}
	return func(ctx context.Context, roots []repo.Head, reach repo.Reach, done func(repo.Head, error) error) error {
		for _, h := range roots {
			if err := done(h, follow(ctx, h, reach)); err != nil {
				return err
			}
		}
		return nil
	}
}

func prune(t testing.TB, r *repo.Repo, o repo.PruneOptions) *repo.PruneReport {
	t.Helper()
	report, err := r.Prune(t.Context(), o, walkOf(r))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func mustMark(t testing.TB, r *repo.Repo, h repo.Head) {
	t.Helper()
	if err := r.Mark(t.Context(), h, nil); err != nil {
		t.Fatal(err)
	}
}

const day = 24*time.Hour + time.Minute

// bytesIn returns the size of all objects in the folders.
func bytesIn(t testing.TB, store store.Store, folders ...string) (n int64) {
	t.Helper()
	for _, folder := range folders {
		for o, err := range store.List(t.Context(), folder) {
			if err != nil {
				t.Fatal(err)
			}
			n += o.Size
		}
	}
	return n
}

// Each step of a prune and of a check reports its progress, and ends at the total that it reported.
func TestProgressTotals(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	_, gone, _ := mustBackup(t, r, "me", 1, 60)
	for seed := range uint64(9) {
		mustBackup(t, r, "me", 2+seed, 20)
	}
	mustMark(t, r, gone)
	last := map[string]repo.Progress{}
	var mu sync.Mutex
	progress := func(now repo.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if before := last[now.Step]; now.Done < before.Done && before.Done < before.Of {
			t.Errorf("back from %+v to %+v", before, now)
		}
		last[now.Step] = now
	}
	for range 3 {
		store.Advance(day)
		prune(t, r, repo.PruneOptions{Progress: progress})
	}
	if _, err := r.Check(t.Context(), repo.AllPacks, repo.Share{}, func(p repo.Problem) { t.Error(p) }, progress); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"manifests followed", "forgotten manifests deleted", "packs deleted", "index segments merged",
		"index segments deleted", "objects checked"} {
		if now, ok := last[step]; !ok || now.Done == 0 || now.Done != now.Of || now.Bytes != now.AllBytes {
			t.Errorf("%s: %+v", step, now)
		}
	}
}

// The chunks of a forgotten manifest are deleted in two steps a day apart. Chunks that other
// manifests need stay.
func TestPruneDeletesUnneededChunks(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		kept, _, _ := mustBackup(t, r, "me", 1, 60)
		_, gone, _ := mustBackup(t, r, "me", 2, 60)
		other, _, _ := mustBackup(t, r, "you", 3, 60)
		before := bytesIn(t, store, "data/", "catalog/")

		report := prune(t, r, repo.PruneOptions{MaxUnused: 1})
		if report.Condemned.Objects+report.Deleted.Objects > 0 || report.Roots != 3 {
			t.Errorf("nothing is forgotten: %+v", report)
		}
		mustMark(t, r, gone)
		report = prune(t, r, repo.PruneOptions{MaxUnused: 1})
		if report.Condemned.Objects+report.Deleted.Objects+report.Manifests.Objects > 0 || report.Roots != 3 {
			t.Errorf("a fresh mark: %+v", report)
		}
		store.Advance(day)
		names := store.Names()
		dry := prune(t, r, repo.PruneOptions{MaxUnused: 1, DryRun: true})
		if !slices.Equal(names, store.Names()) {
			t.Error("a dry run changes something")
		}
		report = prune(t, r, repo.PruneOptions{MaxUnused: 1})
		if report.Condemned.Objects != 2 || report.Deleted.Objects > 0 || report.Manifests.Objects != 1 || report.Roots != 2 {
			t.Errorf("a mark of a day: %+v", report)
		}
		if dry.Condemned != report.Condemned || dry.Manifests != report.Manifests {
			t.Errorf("a dry run reports %+v, and the prune did %+v", dry, report)
		}
		if now := bytesIn(t, store, "data/", "catalog/"); now != before {
			t.Errorf("packs of %d bytes were deleted at once", before-now)
		}
		if report := prune(t, r, repo.PruneOptions{MaxUnused: 1}); report.Waiting.Objects != 2 || report.Deleted.Objects > 0 {
			t.Errorf("at once again: %+v", report)
		}
		store.Advance(day)
		report = prune(t, r, repo.PruneOptions{MaxUnused: 1})
		now := bytesIn(t, store, "data/", "catalog/")
		if report.Deleted.Objects != 2 || report.Deleted.Bytes != before-now {
			t.Errorf("a day later: %+v, %d bytes were deleted", report, before-now)
		}
		for _, host := range []*repo.Repo{r, reopenAny(t, store, r)} {
			mustRead(t, host, kept)
			mustRead(t, host, other)
			mustBeSound(t, host)
		}
		if report := prune(t, r, repo.PruneOptions{MaxUnused: 1}); report.Deleted.Objects+report.Condemned.Objects+report.Waiting.Objects > 0 {
			t.Errorf("after everything is done: %+v", report)
		}
	})
}

// reopenAny opens a repository, sealed or not, as another host.
func reopenAny(t testing.TB, store store.Store, r *repo.Repo) *repo.Repo {
	t.Helper()
	if r.Sealed() {
		return reopen(t, store, r)
	}
	again, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

// The packs of a killed run are deleted as soon as no run can rely on them.
func TestPruneDeletesPacksOfKilledRun(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	c, _, _ := mustBackup(t, r, "me", 1, 60)
	for _, where := range []string{"index/", "manifests/"} {
		faulty := &storetest.Faulty{Store: store, Fail: func(op storetest.Op) storetest.Fault {
			if op.Kind == "put" && len(op.Name) > len(where) && op.Name[:len(where)] == where {
				return storetest.Refuse
			}
			return storetest.None
		}}
		if _, _, _, err := backup(t.Context(), t, repo.On(r, faulty, t.TempDir()), "me", 7, 60); !errors.Is(err, storetest.ErrFault) {
			t.Fatal(err)
		}
	}
	if report := prune(t, r, repo.PruneOptions{}); report.Condemned.Objects > 0 {
		t.Errorf("packs of a run that may still be under way: %+v", report)
	}
	store.Advance(day)
	if report := prune(t, r, repo.PruneOptions{}); report.Condemned.Objects != 4 {
		t.Errorf("%+v", report)
	}
	store.Advance(day)
	if report := prune(t, r, repo.PruneOptions{}); report.Deleted.Objects != 4 {
		t.Errorf("%+v", report)
	}
	mustRead(t, r, c)
	mustBeSound(t, r)
}

// Chunks in a condemned pack that are needed are copied first. A run may have used a forgotten
// manifest as its parent.
func TestPruneCopiesNeededChunksOfCondemnedPacks(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		c, _, _ := mustBackup(t, r, "me", 1, 60)
		if err := r.Condemn(t.Context(), slices.Collect(packIDs(store))); err != nil {
			t.Fatal(err)
		}
		store.Advance(day)
		report := prune(t, r, repo.PruneOptions{})
		if report.Deleted.Objects > 0 || report.Copied.Objects == 0 {
			t.Errorf("%+v", report)
		}
		mustRead(t, r, c)
		report = prune(t, r, repo.PruneOptions{})
		if report.Deleted.Objects != 2 || report.Copied.Objects > 0 {
			t.Errorf("%+v", report)
		}
		for _, host := range []*repo.Repo{r, reopenAny(t, store, r)} {
			mustRead(t, host, c)
			mustBeSound(t, host)
		}
	})
}

// Packs that are mostly unused are rewritten without what nothing needs.
func TestPruneRewrites(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	chunks, lanes := chunksOf(5, 80)
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	all, some := content{}, content{}
	for i := range chunks {
		id, _, err := w.Put(t.Context(), lanes[i], chunks[i])
		if err != nil {
			t.Fatal(err)
		}
		if all[id] = chunks[i]; i%5 == 0 {
			some[id] = chunks[i]
		}
	}
	_, err = w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), some))
	if err != nil {
		t.Fatal(err)
	}
	before := bytesIn(t, store, "data/", "catalog/")
	store.Advance(day)
	if report := prune(t, r, repo.PruneOptions{MaxUnused: 1}); report.Rewritten.Objects > 0 || report.Unused < before/4 {
		t.Errorf("with all allowed: %+v", report)
	}
	report := prune(t, r, repo.PruneOptions{MaxUnused: 0.05})
	if report.Rewritten.Objects != 2 || report.Condemned.Objects != 2 {
		t.Errorf("%+v", report)
	}
	store.Advance(day)
	prune(t, r, repo.PruneOptions{MaxUnused: 0.05})
	if now := bytesIn(t, store, "data/", "catalog/"); now > before*2/3 {
		t.Errorf("%d bytes of %d are left", now, before)
	}
	for _, host := range []*repo.Repo{r, reopen(t, store, r)} {
		mustRead(t, host, some)
		mustBeSound(t, host)
	}
}

func TestPruneMergesSmallPacks(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	all := content{}
	for night := range uint64(33) {
		c, _, _ := mustBackup(t, r, fmt.Sprint(night), night+1, 8)
		for id := range c {
			all[id] = c[id]
		}
	}
	for range 3 {
		store.Advance(day)
		prune(t, r, repo.PruneOptions{MaxUnused: 0.1})
	}
	if n := len(slices.Collect(packIDs(store))); n != 2 {
		t.Errorf("%d packs are left", n)
	}
	fresh := reopenAny(t, store, r)
	mustRead(t, fresh, all)
	mustBeSound(t, fresh)
}

// A prune stops, before it deletes anything, at a root that it cannot read.
func TestPruneStopsAtARootThatCannotBeRead(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, gone, _ := mustBackup(t, r, "me", 1, 30)
	_, broken, _ := mustBackup(t, r, "you", 2, 30)
	mustMark(t, r, gone)
	store.Advance(day)
	store.Replace(broken.Name, []byte("torn"))
	r = reopen(t, store, r)
	names := store.Names()
	_, err := r.Prune(t.Context(), repo.PruneOptions{}, walkOf(r))
	if !errors.Is(err, repo.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if !slices.Equal(names, store.Names()) {
		t.Error("something was changed")
	}
}

// retaining is a store that retains every object.
type retaining struct{ *storetest.Memory }

func (r retaining) Delete(_ context.Context, name string) error {
	return fmt.Errorf("delete %s: %w", name, store.ErrRetained)
}

// If the store retains everything, a prune does the rest, and reports what it left.
func TestPruneWhereNothingMayBeDeleted(t *testing.T) {
	s := retaining{new(storetest.Memory)}
	r := mustInit(t, s, sealedOptions())
	_, gone, _ := mustBackup(t, r, "me", 1, 30)
	c, _, _ := mustBackup(t, r, "me", 2, 30)
	mustMark(t, r, gone)
	for range 2 {
		s.Advance(day)
		prune(t, r, repo.PruneOptions{})
	}
	var left []string
	report := prune(t, r, repo.PruneOptions{Left: func(name string, err error) {
		if errors.Is(err, store.ErrRetained) {
			left = append(left, name)
		}
	}})
	if report.Retained.Objects < 3 || len(left) != report.Retained.Objects || report.Deleted.Objects > 0 || report.Manifests.Objects > 0 {
		t.Errorf("%+v, left %q", report, left)
	}
	mustRead(t, r, c)
	mustBeSound(t, r)
}

func TestPruneNeedsTheOwner(t *testing.T) {
	store := new(storetest.Memory)
	o, key := sealedOptions(), newKey(t)
	o.Writers = append(o.Writers, key.Recipient())
	mustInit(t, store, o)
	host, err := repo.Open(t.Context(), store, repo.Unlock{Identities: append(unlocked().Identities, key)}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if _, err := host.Prune(t.Context(), repo.PruneOptions{}, walkOf(host)); !errors.Is(err, repo.ErrNoRole) {
		t.Error(err)
	}
}
