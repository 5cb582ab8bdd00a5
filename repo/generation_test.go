package repo_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A prune with MaxCompression rewrites mail once. After that it takes less space, and the next such
// prune leaves it.
func TestPruneCompressesMailOnce(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// What is in a chunk comes again 5 MiB later, so a frame of 8 MiB finds what one of 4 MiB does
	// not.
	all := content{}
	for i := range 170 {
		block := append(noise(uint64(i%26), 4<<10), byte(i))
		data := bytes.Repeat(block, 200<<10/len(block))
		id, _, err := w.Put(t.Context(), repo.LaneText, data)
		if err != nil {
			t.Fatal(err)
		}
		all[id] = data
	}
	if _, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), all)); err != nil {
		t.Fatal(err)
	}
	before := bytesIn(t, store, "data/")
	store.Advance(day)
	if report := prune(t, r, repo.PruneOptions{}); report.Rewritten.Objects > 0 {
		t.Errorf("without it: %+v", report)
	}
	if report := prune(t, r, repo.PruneOptions{Compression: repo.MaxCompression}); report.Rewritten.Objects == 0 {
		t.Errorf("%+v", report)
	}
	for range 2 {
		store.Advance(day)
		if report := prune(t, r, repo.PruneOptions{Compression: repo.MaxCompression}); report.Rewritten.Objects > 0 {
			t.Errorf("again: %+v", report)
		}
	}
	if after := bytesIn(t, store, "data/"); after > before*9/10 {
		t.Errorf("%d bytes, before %d", after, before)
	}
	host := reopenAny(t, store, r)
	mustRead(t, host, all)
	mustBeSound(t, host)
}

// With a prune after each night, the number of packs and segments grows with the logarithm of the
// nights, and each byte is written again only a few times. MAILSTRATA_LONG simulates ten years, of
// which docs/design/packs.md has the figures.
func TestPruneAfterEachNight(t *testing.T) {
	nights := 70
	if os.Getenv("MAILSTRATA_LONG") != "" {
		nights = 3650
	}
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	needs := map[string][]chunk.ID{} // by manifest, so that the walk reads nothing
	walk := func(_ context.Context, roots []repo.Head, reach repo.Reach, done func(repo.Head, error) error) error {
		for _, h := range roots {
			for _, id := range needs[h.Name] {
				if _, err := reach(id, 0); err != nil {
					return err
				}
			}
			if err := done(h, nil); err != nil {
				return err
			}
		}
		return nil
	}
	all := content{}
	var written, copied int64 // bytes of packs
	most := map[string]int{}
	for night := range nights {
		c, h := smallNight(t, r, uint64(night))
		for id, data := range c {
			all[id], needs[h.Name] = data, append(needs[h.Name], id)
		}
		store.Advance(day)
		report, err := r.Prune(t.Context(), repo.PruneOptions{MaxUnused: 0.05}, walk)
		if err != nil {
			t.Fatal(err)
		}
		copied += report.Copied.Bytes
		for _, kind := range []string{"data", "catalog", "index", "condemned"} {
			most[kind] = max(most[kind], len(named(store, kind+"/")))
		}
		if written = bytesIn(t, store, "data/", "catalog/"); (night+1)%365 == 0 || night == nights-1 {
			t.Logf("after %d nights: %d data, %d catalog, %d index, %d condemned; at most %v; %d bytes, %d written again", night+1,
				len(named(store, "data/")), len(named(store, "catalog/")), len(named(store, "index/")), len(named(store, "condemned/")),
				most, written, copied)
		}
	}
	full := int(written>>24) + 1
	if most["data"] > full+3*16+16 || most["catalog"] > 3*16+16 || most["index"] > 40 || most["condemned"] > nights/8+1 {
		t.Errorf("there were up to %v objects", most)
	}
	if copied > 3*written {
		t.Errorf("%d bytes were written again, of %d", copied, written)
	}
	host := reopenAny(t, store, r)
	mustRead(t, host, all)
	mustBeSound(t, host)
}

// smallNight commits a manifest with 64 KiB of new mail and 6 KiB of pages.
func smallNight(t *testing.T, r *repo.Repo, seed uint64) (content, repo.Head) {
	t.Helper()
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := content{}
	for lane, size := range map[repo.Lane]int{repo.LaneText: 64 << 10, repo.LaneCatalog: 6 << 10} {
		data := noise(4*seed+uint64(lane), size)
		id, _, err := w.Put(t.Context(), lane, data)
		if err != nil {
			t.Fatal(err)
		}
		c[id] = data
	}
	h, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), c))
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}
