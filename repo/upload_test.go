package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// forgetful is a store that acknowledges some objects and does not keep them.
type forgetful struct {
	*storetest.Memory
	mu     sync.Mutex
	prefix string // prefix of the names of objects that it loses; "" if none
	times  int    // number of objects that it still loses
	lost   int
}

func (f *forgetful) lose(prefix string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prefix, f.times, f.lost = prefix, times, 0
}

func (f *forgetful) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	f.mu.Lock()
	loses := f.prefix != "" && strings.HasPrefix(name, f.prefix) && f.lost < f.times
	if loses {
		f.lost++
	}
	f.mu.Unlock()
	if loses {
		return nil
	}
	return f.Memory.Put(ctx, name, body, size)
}

// If a store acknowledges an object and loses it, the writer puts it again. If the store loses it
// twice, the run fails with an error that names the object, and later runs succeed.
func TestStoreLosesAcknowledgedObjects(t *testing.T) {
	for _, folder := range []string{"data/", "catalog/", "index/", "manifests/"} {
		for _, night := range []string{"first", "later"} {
			t.Run(night+" "+folder, func(t *testing.T) {
				store := &forgetful{Memory: new(storetest.Memory)}
				r := mustInit(t, store, sealedOptions())
				if night == "later" {
					mustBackup(t, r, "me", 1, 100)
				}
				store.lose(folder, 1)
				c, _, _ := mustBackup(t, r, "me", 2, 100)
				if store.lost != 1 {
					t.Fatalf("%d objects were lost", store.lost)
				}
				mustRead(t, reopen(t, store.Memory, r), c)

				store.lose(folder, 1000)
				_, _, _, err := backup(t.Context(), t, r, "me", 3, 100)
				if !errors.Is(err, repo.ErrNotKept) || !strings.Contains(err.Error(), folder) {
					t.Fatalf("%v, want an error that names the object", err)
				}
				manifests := count(store.Memory, "manifests/")
				store.lose("", 0)
				for _, host := range []*repo.Repo{r, reopen(t, store.Memory, r)} {
					c, _, _ := mustBackup(t, host, "me", 3, 100)
					mustRead(t, reopen(t, store.Memory, r), c)
				}
				if n := count(store.Memory, "manifests/"); n != manifests+2 {
					t.Errorf("%d manifests, want %d", n, manifests+2)
				}
				mustBeSound(t, r)
			})
		}
	}
}

// Chunks of a pack that an index names and the store has lost are stored again. This holds if packs
// are listed by name, and if all are listed, because a run meets chunks of many packs.
func TestMissingPackDoesNotCount(t *testing.T) {
	for _, packs := range []int{1, 6} {
		store := new(storetest.Memory)
		r := mustInit(t, store, sealedOptions())
		for seed := range packs {
			mustBackup(t, r, "me", uint64(seed), 20)
		}
		for _, name := range store.Names() {
			if strings.HasPrefix(name, "data/") {
				if err := store.Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		var listed atomic.Bool // all packs
		watched := &storetest.Faulty{Store: store, Fail: func(op storetest.Op) storetest.Fault {
			if op.Kind == "list" && op.Name == "data/" {
				listed.Store(true)
			}
			return storetest.None
		}}
		run, err := reopen(t, watched, r).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		all := content{}
		for seed := range packs {
			c, err := put(t.Context(), w, uint64(seed), 20)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(all, c)
		}
		if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), all)); err != nil {
			t.Fatal(err)
		}
		if listed.Load() != (packs > 1) {
			t.Errorf("of %d packs: all packs were listed: %v", packs, listed.Load())
		}
		mustRead(t, reopen(t, store, r), all)
	}
}

// Prune too checks that the store keeps what it puts. If the store loses it, the prune fails and
// deletes nothing that the lost object was to replace.
func TestPruneOnLossyStore(t *testing.T) {
	for _, folder := range []string{"data/", "index/", "condemned/"} {
		for _, times := range []int{1, 1000} {
			t.Run(fmt.Sprint(folder, times), func(t *testing.T) {
				first, memory, needed := eventful(t)
				store := &forgetful{Memory: memory}
				r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				repo.MergeTwo(t)
				store.lose(folder, times)
				_, err = r.Prune(t.Context(), repo.PruneOptions{}, walkOf(r))
				if store.lost == 0 {
					t.Fatal("the prune put nothing there")
				}
				if times == 1 && err != nil || times > 1 && !errors.Is(err, repo.ErrNotKept) {
					t.Fatalf("the prune ends with %v", err)
				}
				store.lose("", 0)
				for range 3 {
					mustRead(t, reopen(t, memory, first), needed)
					memory.Advance(day)
					prune(t, r, repo.PruneOptions{})
				}
				mustRead(t, reopen(t, memory, first), needed)
			})
		}
	}
}

// The bytes in spools are bounded. Packs are confirmed early, and still share one index segment.
func TestFullSpoolsAreListedEarly(t *testing.T) {
	store := &forgetful{Memory: new(storetest.Memory)}
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
	repo.LimitHeld(w, 0)
	c, err := put(t.Context(), w, 1, 500)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), c)); err != nil {
		t.Fatal(err)
	}
	mustRead(t, reopen(t, store.Memory, r), c)
	if n := count(store.Memory, "index/"); n != 1 {
		t.Errorf("%d index segments", n)
	}
	store.lose("data/", 1000)
	if _, err = put(t.Context(), w, 2, 100); err == nil {
		err = w.Flush(t.Context())
	}
	if !errors.Is(err, repo.ErrNotKept) {
		t.Errorf("%v, want ErrNotKept", err)
	}
}
