package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// If the index cannot be written, a run keeps its claims in memory, up to a bound.
func TestUnwritableCacheDoesNotFillMemory(t *testing.T) {
	cacheDir := t.TempDir()
	r := mustInit(t, new(storetest.Memory), repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: cacheDir}})
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	repo.LimitClaims(w, 100)
	// A file takes the place of the directory. If the directory were only removed, the cache would make it again.
	index := filepath.Join(r.CacheDir(), "index")
	if err := errors.Join(os.RemoveAll(index), os.WriteFile(index, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", "/nonexistent")
	for i := range 4 {
		if _, err := put(t.Context(), w, uint64(1000*i), 40); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(t.Context()); (err != nil) != (i >= 2) {
			t.Fatalf("after %d chunks: %v", 40*(i+1), err)
		} else if err != nil {
			break
		}
	}
}

// Small objects that are gone from the store are removed from the cache after a listing.
func TestCacheDropsDeletedObjects(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, old, _ := mustBackup(t, r, "me", 1, 4)
	_, kept, _ := mustBackup(t, r, "me", 2, 4)
	_, others, _ := mustBackup(t, r, "you", 3, 4)
	left := filepath.Join(r.CacheDir(), "objects", ".new-1")
	long := time.Now().Add(-48 * time.Hour)
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, long, long); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), old.Name); err != nil {
		t.Fatal(err)
	}
	for _, err := range r.AccountManifests(t.Context(), "me") {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(filepath.Dir(left))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files are in the cache: %v, %v", len(files), files, err)
	}
	for _, file := range files {
		if name := strings.ReplaceAll(file.Name(), "_", "/"); name != kept.Name && name != others.Name {
			t.Errorf("%s is in the cache", name)
		}
	}
}
