package repo_test

import (
	"errors"
	"os"
	"path"
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
	// A file takes the place of the directory. If the directory were only removed, the cache would
	// make it again.
	index := filepath.Join(r.CacheDir(), "index")
	if err := errors.Join(os.RemoveAll(index), os.WriteFile(index, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
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
	small := filepath.Join(r.CacheDir(), "small")
	left := filepath.Join(small, "manifests_"+r.AccountDir("me"), ".new-1")
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
	for account, want := range map[string]string{"me": kept.Name, "you": others.Name} {
		files, err := os.ReadDir(filepath.Join(small, "manifests_"+r.AccountDir(account)))
		if err != nil || len(files) != 1 || "manifests/"+r.AccountDir(account)+"/"+files[0].Name() != want {
			t.Errorf("of %s, %v are in the cache: %v", account, files, err)
		}
	}
}

// A listing of all accounts drops what is gone of each, and a cache of earlier programs is removed.
func TestCacheDropsDeletedObjectsOfAllAccounts(t *testing.T) {
	store, options := new(storetest.Memory), sealedOptions()
	options.CacheDir = t.TempDir()
	r := mustInit(t, store, options)
	_, mine, _ := mustBackup(t, r, "me", 1, 4)
	_, others, _ := mustBackup(t, r, "you", 3, 4)
	former := filepath.Join(r.CacheDir(), "objects")
	if err := os.MkdirAll(former, 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), store, unlocked(), options.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := os.Stat(former); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of earlier programs: %v", err)
	}
	if err := store.Delete(t.Context(), mine.Name); err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{mine.Name: false, others.Name: true} {
		folder, last := path.Split(strings.TrimPrefix(name, "manifests/"))
		_, err := os.Stat(filepath.Join(r.CacheDir(), "small", "manifests_"+strings.Trim(folder, "/"), last))
		if want != (err == nil) {
			t.Errorf("%s is in the cache: %v, want %v", name, err == nil, want)
		}
	}
}
