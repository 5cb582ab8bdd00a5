package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

const lockDays = 10

// lockedWorlds runs a test in a bucket in which each Put asks for retention, and in one that
// retains by default.
func lockedWorlds(t *testing.T, test func(t *testing.T, store *storetest.Locked, r *repo.Repo)) {
	for name, byDefault := range map[string]bool{"by default": true, "by request": false} {
		t.Run(name, func(t *testing.T) {
			o := repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: lockDays, ByDefault: byDefault}}
			store := storetest.NewLocked(0)
			if byDefault {
				store = storetest.NewLocked(o.Lock.Term())
			}
			test(t, store, mustInit(t, store, o))
		})
	}
}

// fresh opens the repository as a new host.
func fresh(t *testing.T, store store.Store) *repo.Repo {
	t.Helper()
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// An intruder with all rights waits for the lock's period after any night, and then deletes
// everything he can. Every manifest from before he came can still be restored.
func TestLockOutlastsManifests(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		old, _, _ := mustBackup(t, r, "me", 1, 20)
		busy := 0
		for night := range 3 * lockDays {
			store.Advance(24 * time.Hour)
			before := store.Retains
			c, _, _ := mustBackup(t, r, "me", 1, 20) // its chunks are as old as the repository
			if store.Retains > before {
				busy++
			}
			if night%7 > 0 {
				continue
			}
			then := store.Clone()
			then.Advance(lockDays * 24 * time.Hour)
			then.Wipe()
			host := fresh(t, then)
			mustRead(t, host, c)
			mustRead(t, host, old)
			if n := len(committed(t, host)) / len(c); n < night+2 {
				t.Fatalf("night %d: %d manifests", night, n)
			}
		}
		if busy > 6 {
			t.Errorf("locks were renewed in %d of %d nights", busy, 3*lockDays)
		}
	})
}

// Without renewals, an intruder who waits long enough can delete everything. So
// TestLockOutlastsManifests can fail.
func TestLockEnds(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 5)
		store.Advance(2 * lockDays * 24 * time.Hour)
		store.Wipe()
		if _, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()}); !errors.Is(err, repo.ErrNoRepository) {
			t.Errorf("opened: %v", err)
		}
	})
}

// Someone puts other bytes under every name. Reading, listing, backup and prune work as before, and
// a check reports each object.
func TestOverwrittenObjects(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		first, h, _ := mustBackup(t, r, "me", 1, 60)
		names := map[string]int64{}
		for o, err := range store.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			names[o.Name] = o.Size
		}
		store.Advance(time.Hour)
		for i, name := range slices.Sorted(maps.Keys(names)) {
			garbage := []byte("garbage")
			if i%2 == 0 {
				garbage = noise(uint64(i), int(names[name])) // of the same size
			}
			store.Overwrite(name, garbage, time.Time{})
			store.Overwrite(name, append(garbage, 1), time.Time{})
		}
		host := fresh(t, store.As(storetest.Rights{Retain: true, Delete: true}))
		mustRead(t, host, first) // packs by the names in the index
		for g, err := range host.Manifests(t.Context()) {
			if err != nil || g.Name != h.Name || !g.Stored.Equal(h.Stored) {
				t.Errorf("%v, %v", g, err)
			}
		}
		host = fresh(t, store)
		mustBeSound(t, host)
		overlaid := 0
		for _, p := range problems(t, host) {
			if p.Kind == repo.Overlaid {
				overlaid++
			}
		}
		if overlaid != len(names) {
			t.Errorf("check reports %d objects of %d", overlaid, len(names))
		}
		if _, _, s := mustBackup(t, host, "me", 1, 60); s.Chunks > 0 {
			t.Errorf("stored again: %+v", s)
		}
		store.Advance(day)
		report := prune(t, host, repo.PruneOptions{MaxUnused: 1})
		if report.Lost > 0 || report.Unread > 0 || report.Condemned.Objects > 0 {
			t.Errorf("pruned: %+v", report)
		}
	})
}

// gated is a bucket in which the first reads of the newest version of a name wait until the test
// releases them.
type gated struct {
	*storetest.Locked
	name    string
	waiting atomic.Int64 // how many reads wait; more do not
	arrived chan struct{}
	letGo   chan struct{}
}

func (g *gated) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if name == g.name && g.waiting.Add(-1) >= 0 {
		g.arrived <- struct{}{}
		<-g.letGo
	}
	return g.Locked.Get(ctx, name, offset, length)
}

// Several goroutines find at the same time that an object is hidden or covered. All of them read
// the original, even one that notices after another has found the original.
func TestConcurrentReadsOfOverwrittenObjects(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 5)
		for i, name := range storedNames(t, store, "data/", "catalog/") {
			if i%2 == 0 {
				store.Overwrite(name, []byte("garbage"), time.Time{})
			} else if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			const readers = 3
			gate := &gated{Locked: store, name: name, arrived: make(chan struct{}), letGo: make(chan struct{})}
			gate.waiting.Store(readers)
			host, results := fresh(t, gate), make(chan error)
			for range readers {
				go func() {
					_, err := repo.Fetch(t.Context(), host, name)
					results <- err
				}()
			}
			for range readers {
				<-gate.arrived
			}
			for range readers { // each is released when the one before is done
				gate.letGo <- struct{}{}
				if err := <-results; err != nil {
					t.Errorf("%s is locked, and not read: %v", name, err)
				}
			}
		}
	})
}

func storedNames(t *testing.T, store store.Store, folders ...string) (names []string) {
	t.Helper()
	for _, folder := range folders {
		for o, err := range store.List(t.Context(), folder) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, o.Name)
		}
	}
	return names
}

const longerDays = 3 * lockDays

// mustLengthen makes the lock longer, and the default retention of the bucket if the lock relies on
// that.
func mustLengthen(t *testing.T, store *storetest.Locked, r *repo.Repo) {
	t.Helper()
	longer := *r.Lock()
	longer.Days = longerDays
	if longer.ByDefault {
		store.Default = longer.Term()
	}
	if n, err := r.Lengthen(t.Context(), longerDays, nil); err != nil || n == 0 {
		t.Fatalf("%d locks renewed: %v", n, err)
	}
}

// mustPut puts chunks in a run that has begun, and commits.
func mustPut(t *testing.T, run *repo.Run, account string, seed uint64, n int) content {
	t.Helper()
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := put(t.Context(), w, seed, n)
	if err == nil {
		_, err = w.Commit(t.Context(), account, encodeManifest(t, run.Deadline(), c))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outlasts waits for the longer period, deletes everything that is not retained, and reads the
// chunks.
func outlasts(t *testing.T, store *storetest.Locked, c content) {
	t.Helper()
	then := store.Clone()
	then.Advance(longerDays * 24 * time.Hour)
	then.Wipe()
	mustRead(t, fresh(t, then), c)
}

// After a lock is lengthened, the longer period applies to existing objects, to new ones, and to
// those of a run that began before.
func TestLengthenLock(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		old, _, _ := mustBackup(t, r, "me", 1, 20)
		store.Advance(3 * 24 * time.Hour)
		other := fresh(t, store)
		run, err := other.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mustLengthen(t, store, r)
		if got := r.Lock().Days; got != longerDays {
			t.Errorf("the lock is of %d days", got)
		}
		outlasts(t, store, old)
		meanwhile := mustPut(t, run, "me", 2, 20)
		if _, err := other.Begin(t.Context()); !r.Lock().ByDefault && !errors.Is(err, access.ErrKeysChanged) {
			t.Errorf("a run that knows the shorter lock begins: %v", err)
		}
		outlasts(t, store, old)
		for night := range 2 * longerDays {
			store.Advance(day)
			host := fresh(t, store)
			c, _, _ := mustBackup(t, host, "me", 1, 20)
			if run, err := host.Begin(t.Context()); err != nil || run.Locks() != nil {
				t.Fatalf("night %d: %v, %v", night, err, run.Locks())
			}
			if night%7 == 0 {
				outlasts(t, store, c)
				outlasts(t, store, meanwhile)
			}
		}
	})
}

// A lengthened lock costs one or two additional renewals. After that it is renewed as often as any
// lock.
func TestLengthenedLockIsRenewed(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 20)
		mustLengthen(t, store, r)
		busy := 0
		for range longerDays {
			store.Advance(day)
			before := store.Retains
			mustBackup(t, fresh(t, store), "me", 1, 20)
			if store.Retains > before {
				busy++
			}
		}
		if busy > 3 {
			t.Errorf("locks were renewed in %d of %d nights", busy, longerDays)
		}
		state, err := r.LockState(t.Context())
		if err != nil || state.Due.Sub(state.Renewed) != longerDays*12*time.Hour {
			t.Errorf("%+v, %v", state, err)
		}
	})
}

// A lock cannot be shortened. It can be lengthened only with the right to retain existing objects
// for longer.
func TestLockCannotBeShortened(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, bucket *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 5)
		for _, days := range []int{lockDays, lockDays - 1, 0, -1, objectlock.MaxDays + 1} {
			if _, err := r.Lengthen(t.Context(), days, nil); err == nil {
				t.Errorf("a lock of %d days became one of %d", lockDays, days)
			}
		}
		if r.Lock().ByDefault {
			limited := fresh(t, bucket.As(storetest.Rights{Retain: true}))
			if _, err := limited.Lengthen(t.Context(), longerDays, nil); !errors.Is(err, store.ErrPermission) {
				t.Errorf("lengthened without the right to: %v", err)
			}
		}
		if got := fresh(t, bucket).Lock().Days; got != lockDays {
			t.Errorf("the lock is of %d days", got)
		}
	})
	if _, err := mustInit(t, new(storetest.Memory), repo.InitOptions{NoSeal: true}).Lengthen(t.Context(), longerDays, nil); err == nil {
		t.Error("lengthened where there is no lock")
	}
}

// If retention cannot be renewed, the run reports that, and does not rely on packs whose retention
// ends too early.
func TestRenewalDenied(t *testing.T) {
	o := repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: lockDays, ByDefault: true}}
	bucket := storetest.NewLocked(o.Lock.Term())
	owner := mustInit(t, bucket, o)
	nightly := fresh(t, bucket.As(storetest.Rights{Retain: true, Delete: true}))
	mustBackup(t, nightly, "me", 1, 20)
	locks := func() error {
		run, err := nightly.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return run.Locks()
	}
	bucket.Advance(4 * 24 * time.Hour)
	if err := locks(); err != nil {
		t.Error(err)
	}
	bucket.Advance(3 * 24 * time.Hour)
	if err := locks(); !errors.Is(err, store.ErrPermission) {
		t.Errorf("the failed renewal is not reported: %v", err)
	}
	unlocked := func(p repo.Problem) bool { return p.Kind == repo.Unlocked }
	if !slices.ContainsFunc(problems(t, owner), unlocked) {
		t.Error("check does not report retention that ends too early")
	}
	c, _, s := mustBackup(t, nightly, "me", 1, 20)
	if s.Chunks != int64(len(c)) {
		t.Errorf("%d chunks of %d were stored again", s.Chunks, len(c))
	}
	if _, _, s := mustBackup(t, nightly, "me", 1, 20); s.Chunks > 0 {
		t.Errorf("%d chunks were stored a third time", s.Chunks)
	}
	report := prune(t, owner, repo.PruneOptions{MaxUnused: 1})
	if report.Renewed == 0 || report.Locks != nil {
		t.Errorf("prune: %+v", report)
	}
	if err := locks(); err != nil {
		t.Errorf("after prune: %v", err)
	}
	if slices.ContainsFunc(problems(t, owner), unlocked) {
		t.Error("check reports retention that was renewed")
	}
	then := bucket.Clone()
	then.Advance(lockDays * 24 * time.Hour)
	then.Wipe()
	mustRead(t, fresh(t, then), c)
}

// Someone changes the bucket's default retention, so new objects are not locked. Check and prune
// report that, if their credentials may read it.
func TestDefaultRetentionChanged(t *testing.T) {
	o := repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: lockDays, ByDefault: true}}
	store := storetest.NewLocked(time.Duration(o.Lock.TermDays()) * 24 * time.Hour)
	r := mustInit(t, store, o)
	mustBackup(t, r, "me", 1, 5)
	reported := func(r *repo.Repo) bool {
		return slices.ContainsFunc(problems(t, r), func(p repo.Problem) bool { return p.Kind == repo.Unlocked })
	}
	if report := prune(t, r, repo.PruneOptions{}); reported(r) || report.Locks != nil {
		t.Errorf("nothing was changed: %v", report.Locks)
	}
	for _, changed := range []time.Duration{0, store.Default - 24*time.Hour} {
		store.Default = changed
		if report := prune(t, r, repo.PruneOptions{}); !reported(r) || report.Locks == nil {
			t.Errorf("a default of %s is not reported: %v", changed, report.Locks)
		}
	}
	if reported(fresh(t, store.As(storetest.Rights{Retain: true}))) {
		t.Error("a problem is reported with credentials that may not read the default")
	}
}

// A backup needs only the rights to put, get and list, and not to list versions.
func TestPutGetAndListAreEnough(t *testing.T) {
	o := repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: lockDays, ByDefault: true}}
	store := storetest.NewLocked(o.Lock.Term())
	mustInit(t, store, o)
	nightly := fresh(t, store.As(storetest.Rights{Retain: true, List: true, Delete: true}))
	c, _, _ := mustBackup(t, nightly, "me", 1, 20)
	if again, _, s := mustBackup(t, nightly, "me", 1, 20); s.Chunks > 0 {
		t.Errorf("%d of %d chunks were stored again", s.Chunks, len(again))
	}
	store.Wipe()
	mustRead(t, fresh(t, store), c)
}

// Prune does not renew what it is to delete. It leaves those objects while they are retained, and
// then deletes them.
func TestPruneUnderLock(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		kept, _, _ := mustBackup(t, r, "me", 1, 20)
		_, gone, _ := mustBackup(t, r, "me", 2, 20)
		mustMark(t, r, gone)
		deleted, left := 0, 0
		for range 2 * lockDays {
			store.Advance(day)
			report := prune(t, r, repo.PruneOptions{MaxUnused: 1})
			deleted += report.Deleted.Objects + report.Manifests.Objects
			if report.Retained.Objects > 0 {
				left++
			}
		}
		if deleted != 3 || left < lockDays { // a manifest, a pack of mail, one of the catalog
			t.Errorf("%d objects deleted, some left on %d days", deleted, left)
		}
		for v, err := range store.Versions(t.Context(), "") {
			if err != nil || v.Marker || v.Name == gone.Name {
				t.Errorf("left behind: %+v, %v", v, err)
			}
		}
		mustRead(t, fresh(t, store), kept)
		mustBeSound(t, r)
	})
}

// Prune brings small packs together under a lock too. The new packs are retained as long as the
// lock promises, and the old ones are deleted when their retention has ended.
func TestPruneMergesSmallPacksUnderLock(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		all := content{}
		for night := range uint64(33) {
			c, _, _ := mustBackup(t, r, fmt.Sprint(night), night+1, 8)
			maps.Copy(all, c)
		}
		store.Advance(day)
		if report := prune(t, r, repo.PruneOptions{MaxUnused: 0.1}); report.Rewritten.Objects == 0 {
			t.Errorf("nothing is brought together: %+v", report)
		}
		for range 2 * lockDays {
			store.Advance(day)
			prune(t, r, repo.PruneOptions{MaxUnused: 0.1})
		}
		if n := len(storedNames(t, store, "data/", "catalog/")); n != 2 {
			t.Errorf("%d packs are left", n)
		}
		mustBeSound(t, r)
		store.Advance((lockDays - 1) * day)
		store.Wipe() // an intruder deletes all that he can
		mustRead(t, fresh(t, store), all)
	})
}

// A forged renewal with a time in the future, or one that cannot be read, does not prevent
// renewing.
func TestForgedRenewals(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 5)
		store.Overwrite("renewals/0000000000000000-"+strings.Repeat("ab", 32), []byte("garbage"), time.Time{})
		store.Advance(6 * 24 * time.Hour)
		before := store.Retains
		mustBackup(t, fresh(t, store), "me", 1, 5)
		if store.Retains == before {
			t.Error("nothing was renewed")
		}
	})
}

// A directory, or a bucket without Object Lock, is refused before anything is put.
func TestLockNeedsARetainer(t *testing.T) {
	store := new(storetest.Memory)
	if _, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: 1}}); err == nil || len(store.Names()) > 0 {
		t.Errorf("%v, %v", err, store.Names())
	}
	locked := storetest.NewLocked(0)
	for _, days := range []int{0, -1, objectlock.MaxDays + 1} {
		if _, err := repo.Init(t.Context(), locked, repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: days}}); err == nil {
			t.Errorf("a lock of %d days", days)
		}
	}
}

// sleepy is a store in which time passes once, before it reports the time or puts a config.
type sleepy struct {
	*storetest.Locked
	beforeNow, beforeConfig func()
}

func wake(do *func()) {
	if now := *do; now != nil {
		*do = nil
		now()
	}
}

func (s *sleepy) Now(ctx context.Context) (time.Time, error) {
	wake(&s.beforeNow)
	return s.Locked.Now(ctx)
}

func (s *sleepy) PutRetained(
	ctx context.Context, name string, body io.ReaderAt, size int64, keep store.Retention,
) error {
	if strings.HasPrefix(name, "config/") {
		wake(&s.beforeConfig)
	}
	return s.Locked.PutRetained(ctx, name, body, size, keep)
}

// A run begins while another process lengthens the lock, and one of their hosts sleeps in between.
// The run, which knows the shorter period, has its deadline before the time from which renewals
// count.
func TestLengthenLockWhileHostSleeps(t *testing.T) {
	world := func(t *testing.T) (*storetest.Locked, *repo.Repo) {
		store := storetest.NewLocked(0)
		return store, mustInit(t, store, repo.InitOptions{NoSeal: true, Lock: &objectlock.Lock{Days: lockDays}})
	}
	t.Run("who begins", func(t *testing.T) {
		store, owner := world(t)
		asleep := &sleepy{Locked: store}
		nightly := fresh(t, asleep)
		asleep.beforeNow = func() {
			mustLengthen(t, store, owner)
			store.Advance(3 * time.Hour)
		}
		if run, err := nightly.Begin(t.Context()); err == nil && run.Deadline().After(owner.Lock().Since) {
			t.Errorf("a run that knows of the shorter period may commit until %s; renewals count from %s", run.Deadline(), owner.Lock().Since)
		} else if err != nil && !errors.Is(err, access.ErrKeysChanged) {
			t.Error(err)
		}
	})
	t.Run("who lengthens", func(t *testing.T) {
		store, _ := world(t)
		asleep := &sleepy{Locked: store}
		owner, nightly := fresh(t, asleep), fresh(t, store)
		var run *repo.Run
		asleep.beforeConfig = func() {
			store.Advance(3 * time.Hour)
			var err error
			if run, err = nightly.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		mustLengthen(t, store, owner)
		if run.Deadline().After(owner.Lock().Since) {
			t.Errorf("a run that knows of the shorter period may commit until %s; renewals count from %s", run.Deadline(), owner.Lock().Since)
		}
	})
}

// Somebody hides every object behind a delete marker. Uncover removes the markers, and the bucket
// is again what other programs take it for. What the bucket retains over an object is left and
// reported, until that ends.
func TestUncover(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		first, _, _ := mustBackup(t, r, "me", 1, 60)
		names := storedNames(t, store, "")
		for _, name := range names {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		covered := names[len(names)-1]
		store.Overwrite(covered, []byte("garbage"), time.Time{})
		if left := storedNames(t, store, ""); len(left) > 1 {
			t.Fatalf("%d objects are not hidden", len(left)-1)
		}
		uncover := func(dry bool, objects, left int) {
			t.Helper()
			var reported []repo.Problem
			done, err := fresh(t, store).Uncover(t.Context(), dry, func(p repo.Problem) { reported = append(reported, p) })
			if err != nil || done.Objects != objects || done.Left != left || len(reported) != left {
				t.Errorf("%+v, %v, reported %v; want %d objects, %d left", done, err, reported, objects, left)
			}
		}
		uncover(true, len(names), 0)
		uncover(true, len(names), 0)
		if store.Default > 0 {
			uncover(false, len(names)-1, 1)
			store.Advance(2 * store.Default)
			uncover(false, 1, 0)
		} else {
			uncover(false, len(names), 0)
		}
		if back := storedNames(t, store, ""); !slices.Equal(back, names) {
			t.Errorf("%d objects of %d are back", len(back), len(names))
		}
		uncover(false, 0, 0)
		host := fresh(t, store)
		mustRead(t, host, first)
		for _, p := range problems(t, host) {
			if p.Kind == repo.Overlaid || p.Kind.Damage() {
				t.Error(p)
			}
		}
	})
}

// Uncover removes nothing over a name of which no version is the object, brings back no config that
// an owner hid, and touches nothing of other programs.
func TestUncoverLeaves(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, store *storetest.Locked, r *repo.Repo) {
		mustBackup(t, r, "me", 1, 5)
		config := storedNames(t, store, "config/")[0]
		hash := strings.Repeat("ab", 32)
		for _, name := range []string{config[:len(config)-len(hash)] + hash, "notes.txt", "keys/owner-" + hash} {
			store.Overwrite(name, []byte("garbage"), time.Time{})
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		before := storedNames(t, store, "")
		done, err := fresh(t, store).Uncover(t.Context(), false, func(repo.Problem) {})
		if err != nil || done.Objects > 0 {
			t.Errorf("%+v, %v", done, err)
		}
		if after := storedNames(t, store, ""); !slices.Equal(after, before) {
			t.Errorf("the bucket has %q, and had %q", after, before)
		}
	})
	if _, err := mustInit(t, new(storetest.Memory), repo.InitOptions{NoSeal: true}).Uncover(t.Context(), false, nil); !errors.Is(err, repo.ErrNotLocked) {
		t.Errorf("a repository without lock: %v", err)
	}
}
