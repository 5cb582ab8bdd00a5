package repo_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// named returns the names in a folder.
func named(store *storetest.Memory, folder string) (names []string) {
	for _, name := range store.Names() {
		if strings.HasPrefix(name, folder) {
			names = append(names, name)
		}
	}
	return names
}

// flip changes a byte in the middle of an object.
func flip(store *storetest.Memory, name string) {
	b := store.Bytes(name)
	b[len(b)/2] ^= 1
	store.Replace(name, b)
}

// A segment that is damaged, foreign or missing costs only time, because packs describe themselves.
func TestUnreadableSegment(t *testing.T) {
	for name, harm := range map[string]func(*storetest.Memory){
		"flipped": func(s *storetest.Memory) { flip(s, named(s, "index/")[0]) },
		"empty":   func(s *storetest.Memory) { s.Replace(named(s, "index/")[0], nil) },
		"foreign": func(s *storetest.Memory) { s.Replace("index/"+strings.Repeat("ab", 32), []byte("foreign")) },
		"deleted": func(s *storetest.Memory) { _ = s.Delete(context.Background(), named(s, "index/")[0]) },
		"all deleted": func(s *storetest.Memory) {
			for _, name := range named(s, "index/") {
				_ = s.Delete(context.Background(), name)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
				r := mustInit(t, store, o)
				first, _, _ := mustBackup(t, r, "me", 1, 60)
				second, _, _ := mustBackup(t, r, "me", 2, 60)
				harm(store)
				host := repo.On(r, store, t.TempDir())
				defer host.Close()
				mustRead(t, host, first)
				mustRead(t, host, second)
				found := host.IndexProblems()
				segment := slices.ContainsFunc(found, func(p repo.Problem) bool { return strings.HasPrefix(p.Object, "index/") })
				pack := slices.ContainsFunc(found, func(p repo.Problem) bool { return strings.HasPrefix(p.Object, "data/") })
				if segment == strings.Contains(name, "deleted") || pack == (name == "foreign") {
					t.Errorf("problems: %v", found)
				}
				third, _, s := mustBackup(t, host, "me", 3, 60) // a run succeeds too
				if s.Chunks != 60 {
					t.Errorf("%d chunks stored", s.Chunks)
				}
				mustRead(t, repo.On(r, store, t.TempDir()), third)
			})
		})
	}
}

// A writer's key cannot read the tables of packs of mail. A run with it stores again the chunks
// that a damaged segment named, and the error for an unknown chunk names the segment that could not
// be read.
func TestWriterKeyStoresAgainWhatDamagedSegmentNamed(t *testing.T) {
	store := new(storetest.Memory)
	key := newKey(t)
	o := sealedOptions()
	o.Writers = []age.Recipient{key.Recipient()}
	r := mustInit(t, store, o)
	c, _, _ := mustBackup(t, r, "me", 1, 60)
	lost := named(store, "index/")[0]
	flip(store, lost)
	host, err := repo.Open(t.Context(), store, repo.Unlock{Identities: []age.Identity{key}}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if _, err := host.Locate(t.Context(), idsOf(c)); !errors.Is(err, repo.ErrNoChunk) || !strings.Contains(err.Error(), lost) {
		t.Errorf("a chunk that only the damaged segment names: %v", err)
	}
	if _, _, s := mustBackup(t, host, "me", 1, 60); s.Chunks == 0 {
		t.Error("nothing was stored again")
	}
	mustRead(t, repo.On(r, store, t.TempDir()), c)
}

// gate is a store whose listing of the index waits for other goroutines.
type gate struct {
	store.Store
	wait func()
}

func (g *gate) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if prefix == "index/" {
		g.wait()
	}
	return g.Store.List(ctx, prefix)
}

// Several goroutines miss a chunk at once. One search for new segments serves all of them.
func TestConcurrentMissesShareOneRefresh(t *testing.T) {
	memory := new(storetest.Memory)
	r := mustInit(t, memory, sealedOptions())
	mustBackup(t, r, "me", 1, 5)
	store := &gate{memory, func() {}}
	host := repo.On(r, store, t.TempDir())
	defer host.Close()
	c, _, _ := mustBackup(t, host, "me", 1, 5) // the host has read the index
	more, h, _ := mustBackup(t, r, "me", 2, 40)
	if _, err := host.Manifest(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	all := int64(len(more))
	store.wait = func() {
		for asked.Load() < all {
			runtime.Gosched()
		}
		for range 10_000 { // until the others wait for this listing
			runtime.Gosched()
		}
	}
	var wg sync.WaitGroup
	for id := range more {
		wg.Go(func() {
			asked.Add(1)
			if _, err := host.Reader(repo.ReaderOptions{}).Chunk(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mustRead(t, host, c)
}

// A mark that cannot be read hides no manifest from readers. But no run uses a manifest as its
// parent that may be marked.
func TestDamagedMarkHidesNoManifest(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, first, _ := mustBackup(t, r, "me", 1, 5)
	mustBackup(t, r, "me", 2, 5)
	if err := r.Mark(t.Context(), first, nil); err != nil {
		t.Fatal(err)
	}
	flip(store, named(store, "marks/")[0])
	host := repo.On(r, store, t.TempDir())
	defer host.Close()
	n := 0
	for _, err := range host.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d of 2 manifests are listed", n)
	}
	if _, _, _, err := backup(t.Context(), t, host, "me", 3, 5); !errors.Is(err, repo.ErrDamaged) {
		t.Errorf("a run with a damaged mark: %v", err)
	}
}

// In a copy of a repository all objects are young. Its manifests still count as committed, with
// their own times. But a run does not use them as parents, because by the store's clock they are
// late.
func TestCopiedRepositoryKeepsManifests(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, h, _ := mustBackup(t, r, "me", 1, 5)
	moved := new(storetest.Memory)
	moved.Advance(30 * 24 * time.Hour)
	for _, name := range store.Names() {
		moved.Replace(name, store.Bytes(name))
	}
	host := reopen(t, moved, r)
	for again, err := range host.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !host.Judge(again, h.Time.Add(repo.Lifetime)).Committed() || again.Time.Sub(h.Time).Abs() > time.Minute {
			t.Errorf("in a copy it is of %s and late", again.Time)
		}
	}
	run, err := host.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for again, err := range run.Heads(t.Context(), "me") {
		if err != nil || !again.Late {
			t.Errorf("a parent: %+v, %v", again, err)
		}
	}
}

// The error for a damaged key slot names the slot, and differs from that for a wrong key.
func TestDamagedKeySlotIsNamed(t *testing.T) {
	store := new(storetest.Memory)
	mustInit(t, store, sealedOptions())
	slot := named(store, "keys/")[0]
	flip(store, slot)
	_, err := repo.Open(t.Context(), store, unlocked(), repo.Options{})
	if !errors.Is(err, repo.ErrDamaged) || !errors.Is(err, repo.ErrNoOtherSlot) || errors.Is(err, repo.ErrWrongKey) || !strings.Contains(err.Error(), slot) {
		t.Error(err)
	}
}

// The error for a repository that has lost its key slots differs from that for a wrong key, which
// no other key would mend.
func TestLostKeySlotsAreNamed(t *testing.T) {
	store := new(storetest.Memory)
	mustInit(t, store, sealedOptions())
	for _, slot := range named(store, "keys/") {
		if err := store.Delete(t.Context(), slot); err != nil {
			t.Fatal(err)
		}
	}
	_, err := repo.Open(t.Context(), store, unlocked(), repo.Options{})
	if !errors.Is(err, repo.ErrNoSlots) || errors.Is(err, repo.ErrWrongKey) {
		t.Error(err)
	}
}

// The tag of a manifest does not cover its name. A manifest that someone copied to the folder of
// another account is rejected.
func TestManifestCopiedToAnotherAccount(t *testing.T) {
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
	text := func(at time.Time) ([]byte, error) {
		return cbor.Marshal(map[int]any{1: []byte("anna"), 5: run.Deadline().UnixMilli(), 24: at.UnixMilli()})
	}
	h, err := w.Commit(t.Context(), "anna", text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), "otto", text); err == nil {
		t.Error("a manifest of anna's was committed for otto")
	}
	moved := strings.Replace(h.Name, r.AccountDir("anna"), r.AccountDir("otto"), 1)
	store.Replace(moved, store.Bytes(h.Name))
	for h, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Manifest(t.Context(), h); errors.Is(err, repo.ErrNotMine) != (h.Name == moved) {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
}

// rival is a store in which another process makes a repository during Init.
type rival struct {
	store.Store
	once sync.Once
	init func()
}

func (r *rival) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	r.once.Do(r.init)
	return r.Store.Put(ctx, name, body, size)
}

// Two processes make a repository at once. The one that completes first wins, whatever the hashes
// of the configs.
func TestConcurrentInit(t *testing.T) {
	for range 8 { // because the hashes are random
		memory := new(storetest.Memory)
		var first *repo.Repo
		store := &rival{Store: memory, init: func() { first = mustInit(t, memory, sealedOptions()) }}
		o := sealedOptions()
		o.CacheDir = t.TempDir()
		if _, err := repo.Init(t.Context(), store, o); !errors.Is(err, repo.ErrRepository) {
			t.Fatalf("the second: %v", err)
		}
		if again := reopen(t, memory, first); again.ID() != first.ID() {
			t.Fatal("the repository is the second's")
		}
	}
}
