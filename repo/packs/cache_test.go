package packs_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// kinds are packs of each kind that is read in its own way.
func kinds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("small", func(t *testing.T) { test(t, newWorld(t, 100_000, keys(t, 2)...)) })
	t.Run("small, under the key of the host", func(t *testing.T) {
		w := newWorld(t, 100_000, keys(t, 2)...)
		w.key = localseal.NewKey("test", format.Secret{1}, nil)
		test(t, w)
	})
	t.Run("large", func(t *testing.T) { test(t, newWorld(t, 500_000, keys(t, 2)...)) })
	t.Run("small, unsealed", func(t *testing.T) { test(t, newWorld(t, 100_000)) })
	t.Run("large, unsealed", func(t *testing.T) { test(t, newWorld(t, 500_000)) })
}

// mustRead reads a range and compares it.
func (w *world) mustRead(t *testing.T, r *packs.Reader, offset, n int) {
	t.Helper()
	got, err := r.Read(t.Context(), w.at(offset, n))
	if err != nil || !bytes.Equal(got, w.container[offset:][:n]) {
		t.Fatalf("%d bytes at %d: %v", n, offset, err)
	}
}

func files(t *testing.T, dir string) (paths []string, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		paths, size = append(paths, path), size+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths, size
}

// Another process reads without a request what one has read. What is kept is a part of the pack, as
// it is stored, or the container under the key of the host, where nobody else can read it.
func TestCacheServesAnotherProcess(t *testing.T) {
	kinds(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		s := &storetest.Faulty{Store: w.store}
		first := w.reader(s, packs.OpenCache(dir, 1<<30))
		for _, offset := range []int{70_000, 20, 90_000} {
			if offset == 70_000 && first.Cached(w.at(offset, 5000)) {
				t.Errorf("offset %d is kept before it was read", offset)
			}
			w.mustRead(t, first, offset, 5000)
			if !first.Cached(w.at(offset, 5000)) {
				t.Errorf("offset %d is not kept", offset)
			}
		}
		before := s.Ops()
		second := w.reader(s, packs.OpenCache(dir, 1<<30))
		for _, offset := range []int{90_000, 70_000, 20} {
			if !second.Cached(w.at(offset, 5000)) {
				t.Errorf("offset %d is not kept for another process", offset)
			}
			w.mustRead(t, second, offset, 5000)
		}
		if ops := s.Ops() - before; ops != 0 {
			t.Errorf("%d requests for what is kept", ops)
		}
		paths, _ := files(t, dir)
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if w.key == nil && !bytes.Contains(w.store.Bytes(w.pack.String()), b) || err != nil {
				t.Errorf("%s is no part of the pack: %v", path, err)
			}
			if w.identity != nil && bytes.Contains(b, w.container[50_000:50_100]) {
				t.Errorf("%s can be read on the disk", path)
			}
		}
	})
}

// Whatever happens to a file of the cache, a sealed pack is read as it is in the store, and is kept
// again.
func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	harms := map[string]func(path string, b []byte) error{
		"a bit at the start":  func(path string, b []byte) error { b[0] ^= 1; return os.WriteFile(path, b, 0o600) },
		"a bit in the middle": func(path string, b []byte) error { b[len(b)/2] ^= 1; return os.WriteFile(path, b, 0o600) },
		"a bit at the end":    func(path string, b []byte) error { b[len(b)-1] ^= 1; return os.WriteFile(path, b, 0o600) },
		"empty":               func(path string, b []byte) error { return os.Truncate(path, 0) },
		"cut":                 func(path string, b []byte) error { return os.Truncate(path, int64(len(b)/2)) },
		"zeros":               func(path string, b []byte) error { clear(b); return os.WriteFile(path, b, 0o600) },
		"longer":              func(path string, b []byte) error { return os.WriteFile(path, append(b, 0), 0o600) },
		"gone":                func(path string, b []byte) error { return os.Remove(path) },
		"a directory": func(path string, b []byte) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(path, "x"), 0o700)
		},
	}
	for harm, do := range harms {
		t.Run(harm, func(t *testing.T) {
			kinds(t, func(t *testing.T, w *world) {
				dir := t.TempDir()
				s := &storetest.Faulty{Store: w.store}
				w.mustRead(t, w.reader(s, packs.OpenCache(dir, 1<<30)), 80_000, 5000)
				paths, _ := files(t, dir)
				if len(paths) == 0 {
					t.Fatal("nothing is kept")
				}
				if w.identity == nil && w.size > packs.Small {
					return // only the caller can see damage there: TestDamagedCacheIsNotBelieved of package repo
				}
				for _, path := range paths {
					b, err := os.ReadFile(path)
					if err == nil {
						err = do(path, b)
					}
					if err != nil {
						t.Fatal(err)
					}
					w.mustRead(t, w.reader(s, packs.OpenCache(dir, 1<<30)), 80_000, 5000)
					if harm != "a directory" {
						before := s.Ops()
						w.mustRead(t, w.reader(s, packs.OpenCache(dir, 1<<30)), 80_000, 5000)
						if s.Ops() != before {
							t.Errorf("%s is not kept again", filepath.Base(path))
						}
					}
				}
			})
		})
	}
}

// The files take no more than the limit, and those that were used last stay.
func TestCacheIsBounded(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	cache := packs.OpenCache(dir, limit)
	used := newWorld(t, 50_000)
	for i := range 60 {
		w := newWorld(t, 60_000+i)
		s := &storetest.Faulty{Store: w.store}
		w.mustRead(t, w.reader(s, cache), 0, 10)
		if _, size := files(t, dir); size > limit {
			t.Fatalf("%d bytes are kept", size)
		}
		old := time.Now().Add(-48 * time.Hour) // as if days passed
		paths, _ := files(t, dir)
		for _, path := range paths {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		u := &storetest.Faulty{Store: used.store}
		used.mustRead(t, used.reader(u, cache), 0, 10)
		if i > 0 && u.Ops() != 0 {
			t.Fatalf("after %d packs, the one that is read all the time is gone", i+1)
		}
	}
	if _, size := files(t, dir); size < limit/2 {
		t.Errorf("only %d bytes are kept", size)
	}
}

// Several processes use a directory at once.
func TestCacheOfSeveralProcesses(t *testing.T) {
	const limit = 400_000
	dir := t.TempDir()
	var worlds []*world
	for i := range 10 {
		worlds = append(worlds, newWorld(t, 60_000+i))
	}
	var group sync.WaitGroup
	for range 4 {
		cache := packs.OpenCache(dir, limit)
		group.Go(func() {
			for range 20 {
				for _, w := range worlds {
					got, err := w.reader(&storetest.Faulty{Store: w.store}, cache).Read(t.Context(), w.at(100, 1000))
					if err != nil || !bytes.Equal(got, w.container[100:1100]) {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if _, size := files(t, dir); size > limit+4*limit/8 {
		t.Errorf("%d bytes are kept", size)
	}
}

// A reader works without its cache.
func TestCacheThatCannotBeWritten(t *testing.T) {
	w := newWorld(t, 500_000, keys(t, 1)...)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cache := packs.OpenCache(filepath.Join(file, "packs"), 1<<30)
	for range 3 {
		w.mustRead(t, w.reader(&storetest.Faulty{Store: w.store}, cache), 100, 1000)
	}
	cache.Clear()
	if packs.OpenCache(file, 0) != nil {
		t.Error("a cache of no size keeps something")
	}
}

// Files that a crash left are removed after a day, and nothing else.
func TestCacheRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{".new-1", ".new-2", "README"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != ".new-2" {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := newWorld(t, 1000)
	w.mustRead(t, w.reader(&storetest.Faulty{Store: w.store}, packs.OpenCache(dir, 1<<20)), 0, 10)
	paths, _ := files(t, dir)
	if len(paths) != 3 || filepath.Base(paths[0]) != ".new-2" || filepath.Base(paths[1]) != "README" {
		t.Errorf("%v is left", paths)
	}
}

// What an earlier program kept of a small pack, as it is stored, is read without a request. What is
// kept under another key is fetched again, and replaced.
func TestCacheOfAnotherKey(t *testing.T) {
	w := newWorld(t, 100_000, keys(t, 1)...)
	dir := t.TempDir()
	s := &storetest.Faulty{Store: w.store}
	read := func(what string, key *localseal.Key, requests int) {
		t.Helper()
		w.key = key
		before := s.Ops()
		w.mustRead(t, w.reader(s, packs.OpenCache(dir, 1<<30)), 70_000, 5000)
		if n := s.Ops() - before; n != requests {
			t.Errorf("%s: %d requests, want %d", what, n, requests)
		}
	}
	one, other := localseal.NewKey("test", format.Secret{1}, nil), localseal.NewKey("test", format.Secret{2}, nil)
	read("the first time", nil, 1)
	read("as it is stored", one, 0)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	read("nothing is kept", one, 1)
	read("under this key", one, 0)
	read("under another key", other, 1)
	read("that was replaced", other, 0)
	if paths, _ := files(t, dir); len(paths) != 1 {
		t.Errorf("files %q", paths)
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("c00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff-0-65536")
	f.Add("d00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff-00-7")
	f.Add("s00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff-0-7")
	f.Add("x-1-0")
	f.Fuzz(func(t *testing.T, name string) {
		if p, form, from, to, ok := packs.ParseFileName(name); ok && packs.FileName(p, form, from, to) != name {
			t.Errorf("%q is parsed as %v from %d to %d", name, p, from, to)
		}
	})
}

// What the repository no longer has leaves the cache, and the rest stays.
func TestCacheDropsDeletedPacks(t *testing.T) {
	dir := t.TempDir()
	stays, goes := newWorld(t, 500_000, keys(t, 1)...), newWorld(t, 1000)
	for _, w := range []*world{stays, goes} {
		w.mustRead(t, w.reader(&storetest.Faulty{Store: w.store}, packs.OpenCache(dir, 1<<30)), 0, 100)
	}
	cache := packs.OpenCache(dir, 1<<30)
	cache.KeepOnly(map[format.Pack]bool{stays.pack: true})
	if cached := stays.reader(nil, cache).Cached; !cached(stays.at(0, 100)) {
		t.Error("a pack that the repository has is gone")
	}
	if cached := goes.reader(nil, packs.OpenCache(dir, 1<<30)).Cached; cached(goes.at(0, 100)) {
		t.Error("a deleted pack is kept")
	}
}
