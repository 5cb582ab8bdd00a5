package repo_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func TestRoundTrip(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		c, _, _ := mustBackup(t, r, "me", 1, 1500)
		mustRead(t, r, c)
		other := store.Clone()
		if o.NoSeal {
			again, err := repo.Open(t.Context(), other, repo.Unlock{}, repo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			mustRead(t, again, c)
			mustBeSound(t, again)
			return
		}
		again := reopen(t, other, r)
		mustRead(t, again, c)
		mustBeSound(t, again)
	})
}

func count(store *storetest.Memory, folder string) (n int) {
	for _, name := range store.Names() {
		if strings.HasPrefix(name, folder) {
			n++
		}
	}
	return n
}

// A small run puts a data pack, a catalog pack, an index segment and a manifest. A run without new
// mail puts a manifest.
func TestSecondRunPutsOnlyManifest(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, _, first := mustBackup(t, r, "me", 1, 200)
	if first.Objects != 4 {
		t.Errorf("a small run put %d objects, want 4: %v", first.Objects, store.Names())
	}
	for _, host := range []*repo.Repo{r, reopen(t, store, r)} {
		_, _, second := mustBackup(t, host, "me", 1, 200)
		if second.Objects != 1 || second.Chunks != 0 || second.Known != 200 {
			t.Errorf("the same chunks again: %+v", second)
		}
	}
	if n := count(store, "index/"); n != 1 {
		t.Errorf("%d index segments", n)
	}
}

func TestDedupWithinARun(t *testing.T) {
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
	for i := range 10 {
		id, added, err := w.Put(t.Context(), repo.LaneText, []byte("twice"))
		if err != nil || added != (i == 0) || id != r.ChunkKey().Sum([]byte("twice")) {
			t.Fatalf("put %d: %v, %v, %v", i, id, added, err)
		}
		if i == 5 {
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if has, err := w.Has(t.Context(), r.ChunkKey().Sum([]byte("twice"))); !has || err != nil {
		t.Error(has, err)
	}
	if has, err := w.Has(t.Context(), chunk.ID{1}); has || err != nil {
		t.Error(has, err)
	}
}
