package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A check names every object that is missing or damaged anywhere.
func TestCheckNamesEveryDamagedObject(t *testing.T) {
	worlds(t, func(t *testing.T, base *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, base, o)
		mustBackup(t, r, "me", 1, 12)
		_, second, _ := mustBackup(t, r, "me", 2, 12)
		condemnAll(t, r, base)
		if err := r.Mark(t.Context(), second, nil); err != nil {
			t.Fatal(err)
		}
		mustBackup(t, r, "me", 3, 12)
		if found := problems(t, r); len(found) > 0 {
			t.Fatal(found)
		}
		for _, name := range base.Names() {
			whole := base.Bytes(name)
			for _, at := range []int{0, len(whole) / 2, len(whole) - 1} {
				store := base.Clone()
				broken := bytes.Clone(whole)
				broken[at] ^= 1
				store.Replace(name, broken)
				mustName(t, store, r, name, at)
			}
			store := base.Clone()
			store.Replace(name, whole[:len(whole)/2])
			mustName(t, store, r, name, -1)
		}
	})
}

// mustName checks that a check of a damaged copy, with the keys of r and no cache, names the
// object.
func mustName(t *testing.T, store store.Store, r *repo.Repo, name string, at int) {
	t.Helper()
	host := repo.On(r, store, t.TempDir())
	defer host.Close()
	if !slices.ContainsFunc(problems(t, host), func(p repo.Problem) bool {
		return p.Object == name && (p.Kind == repo.Broken || p.Kind == repo.Condemned)
	}) {
		t.Errorf("%s damaged at %d: the check does not name it", name, at)
	}
}

func TestCheckNamesMissingAndUnindexedPacks(t *testing.T) {
	base := new(storetest.Memory)
	r := mustInit(t, base, sealedOptions())
	mustBackup(t, r, "me", 1, 60)
	for _, name := range base.Names() {
		want := map[string]repo.ProblemKind{"data": repo.Missing, "catalog": repo.Missing, "index": repo.Unindexed}
		folder, _, _ := strings.Cut(name, "/")
		kind, ok := want[folder]
		if !ok {
			continue
		}
		store := base.Clone()
		if err := store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		host := repo.On(r, store, t.TempDir())
		found := problems(t, host)
		host.Close()
		if len(found) == 0 || slices.ContainsFunc(found, func(p repo.Problem) bool { return p.Kind != kind }) {
			t.Errorf("without %s: %v", name, found)
		}
	}
}

// hollow is a store that lists an object that it does not have.
type hollow struct {
	store.Store
	name string
	gone bool // it is no longer listed after a Get
	got  atomic.Bool
}

func (h *hollow) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if name == h.name {
		h.got.Store(true)
		return nil, 0, fmt.Errorf("get %s: %w", name, store.ErrNotExist)
	}
	return h.Store.Get(ctx, name, offset, length)
}

func (h *hollow) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range h.Store.List(ctx, prefix) {
			if o.Name == h.name && h.gone && h.got.Load() {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// A check reports an object that the store lists and does not have. It does not report one that was
// deleted after the listing.
func TestCheckNamesListedButMissingObjects(t *testing.T) {
	base := new(storetest.Memory)
	r := mustInit(t, base, sealedOptions())
	mustBackup(t, r, "me", 1, 60)
	for _, name := range base.Names() {
		if strings.HasPrefix(name, "config/") || strings.HasPrefix(name, "key/") {
			continue
		}
		for _, gone := range []bool{false, true} {
			store := &hollow{Store: base, name: name, gone: gone}
			host := repo.On(r, store, t.TempDir())
			var found []repo.Problem
			_, err := host.Check(t.Context(), repo.AllPacks, repo.Share{}, func(p repo.Problem) { found = append(found, p) }, nil)
			host.Close()
			named := slices.ContainsFunc(found, func(p repo.Problem) bool { return p.Object == name && p.Kind == repo.Broken })
			if err != nil || named == gone {
				t.Errorf("%s, gone since the listing: %v: %v, %v", name, gone, found, err)
			}
		}
	}
}

func TestCheckNamesStrayObjects(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	for _, name := range []string{"readme.txt", "data/abc", "manifests/me/1", "config/1", "probe/0123456789abcdef"} {
		store.Replace(name, []byte("x"))
	}
	found := problems(t, r)
	if len(found) != 4 || slices.ContainsFunc(found, func(p repo.Problem) bool { return p.Kind != repo.Stray }) {
		t.Error(found)
	}
	mustBackup(t, reopen(t, store, r), "me", 1, 10)
}

// A check that reads no pack whole reads the tables of the packs of mail, and not the mail.
func TestCheckWithoutMailIsCheap(t *testing.T) {
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
	for i := range 40 {
		if _, _, err := w.Put(t.Context(), repo.LaneBody, noise(uint64(i), 256<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	checked, err := r.Check(t.Context(), repo.HashRange{}, repo.Share{}, func(p repo.Problem) { t.Error(p) }, nil)
	if err != nil || checked.Bytes > 1<<20 {
		t.Errorf("%+v, %v", checked, err)
	}
}

// A lost or damaged cache costs time, and nothing else.
func TestLostOrDamagedCache(t *testing.T) {
	for name, harm := range map[string]func(path string, b []byte) error{
		"deleted":   func(path string, _ []byte) error { return os.Remove(path) },
		"emptied":   func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"cut":       func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) },
		"scribbled": func(path string, b []byte) error { b[len(b)/3] ^= 1; return os.WriteFile(path, b, 0o600) },
		"swapped":   func(path string, b []byte) error { return os.WriteFile(path, slices.Concat(b, b), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			store := new(storetest.Memory)
			o := sealedOptions()
			o.CacheDir = t.TempDir()
			r := mustInit(t, store, o)
			all := content{}
			for i := range uint64(7) { // more segments than the cache keeps files
				c, _, _ := mustBackup(t, r, "me", i, 30)
				for id, data := range c {
					all[id] = data
				}
			}
			harmAll(t, o.CacheDir, harm)
			mustRead(t, r, all) // with the files open
			r.Close()
			harmAll(t, o.CacheDir, harm)
			again, err := repo.Open(t.Context(), store, unlocked(), o.Options)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			mustRead(t, again, all)
			if _, _, s := mustBackup(t, again, "me", 3, 30); s.Chunks != 0 {
				t.Errorf("%d chunks were stored again", s.Chunks)
			}
		})
	}
}

// One byte of each file of the cache is wrong, in several places. Then all files are of another
// repository.
func TestCacheIsVerified(t *testing.T) {
	store, o := new(storetest.Memory), sealedOptions()
	o.CacheDir = t.TempDir()
	r := mustInit(t, store, o)
	c, _, _ := mustBackup(t, r, "me", 1, 30)
	r.Close()
	use := func(what string) {
		t.Helper()
		again, err := repo.Open(t.Context(), store, unlocked(), o.Options)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer again.Close()
		mustRead(t, again, c)
		if _, _, s := mustBackup(t, again, "me", 1, 30); s.Chunks != 0 {
			t.Errorf("%s: %d chunks were stored again", what, s.Chunks)
		}
	}
	for at := range 40 {
		harmAll(t, o.CacheDir, func(path string, b []byte) error {
			b[at*len(b)/40] ^= 0x11
			return os.WriteFile(path, b, 0o600)
		})
		use(fmt.Sprintf("a byte is wrong after %d fortieths", at))
	}
	foreign, mine := new(storetest.Memory), o.CacheDir
	o.CacheDir = t.TempDir()
	r = mustInit(t, foreign, o)
	mustBackup(t, r, "me", 1, 30)
	r.Close()
	caches, err := filepath.Glob(filepath.Join(mine, "*"))
	others, more := filepath.Glob(filepath.Join(o.CacheDir, "*"))
	if err != nil || more != nil || len(caches) != 1 || len(others) != 1 {
		t.Fatal(caches, others, err, more)
	}
	if err := errors.Join(os.RemoveAll(caches[0]), os.Rename(others[0], caches[0])); err != nil {
		t.Fatal(err)
	}
	o.CacheDir = mine
	use("the cache is another repository's")
}

func harmAll(t *testing.T, dir string, harm func(string, []byte) error) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		return harm(path, b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnusableCacheDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := sealedOptions()
	o.CacheDir = filepath.Join(file, "cache")
	r := mustInit(t, new(storetest.Memory), o)
	c, _, _ := mustBackup(t, r, "me", 1, 20)
	mustRead(t, r, c)
}

// If a pack is damaged, the chunk is read from another pack. If no other has it, the error names
// the pack and the chunk.
func TestReadingPastADamagedPack(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	c, _, _ := mustBackup(t, r, "me", 1, 20)
	host := reopen(t, store, r)
	for p := range packIDs(store) {
		b := store.Bytes(p.String())
		for i := bytes.Index(b, []byte("\n--- ")) + 64; i < len(b); i += 64 { // every frame, and not the header of age
			b[i] ^= 1
		}
		store.Replace(p.String(), b)
	}
	rd := host.Reader(repo.ReaderOptions{})
	for id := range c {
		_, err := rd.Chunk(t.Context(), id)
		if !errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), id.String()) {
			t.Fatalf("from a damaged pack: %v", err)
		}
	}
	condemnAll(t, r, store)
	mustBackup(t, reopen(t, store, r), "me", 1, 20)
	mustRead(t, reopen(t, store, r), c)
}

func TestAnUnknownChunk(t *testing.T) {
	r := mustInit(t, new(storetest.Memory), sealedOptions())
	if _, err := r.Reader(repo.ReaderOptions{}).Chunk(t.Context(), chunk.ID{1}); !errors.Is(err, repo.ErrNoChunk) {
		t.Error(err)
	}
	if _, err := r.Locate(t.Context(), []chunk.ID{{1}}); !errors.Is(err, repo.ErrNoChunk) {
		t.Error(err)
	}
}

// Adjacent frames are read together, and each frame once.
func TestPrefetchReadsEachFrameOnce(t *testing.T) {
	memory := new(storetest.Memory)
	r := mustInit(t, memory, sealedOptions())
	c, _, _ := mustBackup(t, r, "me", 1, 800)
	store := &storetest.Faulty{Store: memory}
	host := repo.On(r, store, t.TempDir())
	defer host.Close()
	ids := idsOf(c)
	locations, err := host.Locate(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	var frames []repo.Frame
	for _, l := range locations {
		frames = append(frames, l.Frame)
	}
	rd := host.Reader(repo.ReaderOptions{CacheBytes: 1 << 30})
	before := store.Ops()
	if _, err := rd.Prefetch(t.Context(), frames); err != nil {
		t.Fatal(err)
	}
	if ops := store.Ops() - before; ops > 10 {
		t.Errorf("%d requests for %d packs", ops, 2)
	}
	before = store.Ops()
	for _, id := range ids {
		if got, err := rd.Chunk(t.Context(), id); err != nil || !bytes.Equal(got, c[id]) {
			t.Fatal(err)
		}
	}
	if ops := store.Ops() - before; ops != 0 {
		t.Errorf("%d requests after all was fetched", ops)
	}
	rd.Drop(frames)
	if got, err := rd.Chunk(t.Context(), ids[0]); err != nil || !bytes.Equal(got, c[ids[0]]) || store.Ops() == before {
		t.Errorf("%d requests after all was dropped, %v", store.Ops()-before, err)
	}
}

// A run without new mail makes few requests.
func TestRunWithoutNewMailMakesFewRequests(t *testing.T) {
	memory := new(storetest.Memory)
	o := sealedOptions()
	o.CacheDir = t.TempDir()
	r := mustInit(t, memory, o)
	mustBackup(t, r, "me", 1, 50)
	memory.Advance(24 * time.Hour)
	store := &storetest.Faulty{Store: memory}
	var ops []string
	var counting sync.Mutex
	store.Fail = func(op storetest.Op) storetest.Fault {
		counting.Lock()
		defer counting.Unlock()
		ops = append(ops, op.Kind+" "+op.Name)
		return storetest.None
	}
	host, err := repo.Open(t.Context(), store, unlocked(), o.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	_, _, _, err = backup(t.Context(), t, host, "me", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	// config and key slot listed and read, time, marks and manifests listed, time, the manifest put
	// and confirmed
	if len(ops) > 10 {
		t.Errorf("%d requests: %q", len(ops), ops)
	}
}

// A store that was restored from a backup may lack a segment that the cache has.
func TestMissingSegmentDoesNotCount(t *testing.T) {
	store := new(storetest.Memory)
	o := sealedOptions()
	o.CacheDir = t.TempDir()
	r := mustInit(t, store, o)
	mustBackup(t, r, "me", 1, 30)
	old := store.Clone()
	mustBackup(t, r, "me", 2, 30)
	r.Close()
	back, err := repo.Open(t.Context(), old, unlocked(), o.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	c, _, s := mustBackup(t, back, "me", 2, 30)
	if s.Chunks != 30 {
		t.Errorf("%d of 30 chunks were stored", s.Chunks)
	}
	if _, _, s := mustBackup(t, back, "me", 1, 30); s.Chunks != 0 {
		t.Errorf("%d chunks were stored again", s.Chunks)
	}
	mustRead(t, back, c)
}

// Packs describe themselves, so Reindex replaces an index that is lost or damaged.
func TestReindex(t *testing.T) {
	t.Run("lost", func(t *testing.T) {
		indexIsMadeAgain(t, func(t *testing.T, store *storetest.Memory, name string) {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("damaged", func(t *testing.T) {
		indexIsMadeAgain(t, func(_ *testing.T, store *storetest.Memory, name string) {
			damaged := bytes.Clone(store.Bytes(name))
			damaged[len(damaged)/2] ^= 1
			store.Replace(name, damaged)
		})
	})
}

func indexIsMadeAgain(t *testing.T, harm func(t *testing.T, store *storetest.Memory, segment string)) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		c, _, _ := mustBackup(t, r, "me", 1, 100)
		for _, name := range store.Names() {
			if strings.HasPrefix(name, "index/") {
				harm(t, store, name)
			}
		}
		host := repo.On(r, store, t.TempDir())
		defer host.Close()
		packs, err := host.Reindex(t.Context(), func(p repo.Problem) { t.Error(p) })
		if err != nil || packs != 2 {
			t.Fatal(packs, err)
		}
		if packs, err := host.Reindex(t.Context(), func(p repo.Problem) { t.Error(p) }); err != nil || packs != 0 {
			t.Error(packs, err)
		}
		mustRead(t, host, c)
		mustBeSound(t, host)
		if _, _, s := mustBackup(t, host, "me", 1, 100); s.Chunks != 0 {
			t.Errorf("%d chunks were stored again", s.Chunks)
		}
	})
}
