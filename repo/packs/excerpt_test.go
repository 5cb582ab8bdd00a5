package packs_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A frame has one excerpt, the last one. It is there for another process, until its pack is gone.
func TestExcerpts(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, 50_000)
	cache := packs.OpenCache(dir, 1<<20)
	w.mustRead(t, w.reader(&storetest.Faulty{Store: w.store}, cache), 0, 10)
	first, second := format.Frame{Pack: w.pack, Offset: 20}, format.Frame{Pack: w.pack, Offset: 4000}
	other := format.Frame{Pack: newWorld(t, 60_000).pack, Offset: 20}
	for _, excerpt := range []string{"first", "longer than before", "short"} {
		cache.KeepExcerpt(first, []byte(excerpt))
		cache.KeepExcerpt(second, []byte("of another frame"))
		cache.KeepExcerpt(other, []byte("of another pack"))
		for _, c := range []*packs.Cache{cache, packs.OpenCache(dir, 1<<20)} {
			if got, found := c.Excerpt(first); !found || string(got) != excerpt {
				t.Errorf("%q, want %q", got, excerpt)
			}
		}
	}
	if paths, _ := files(t, dir); len(paths) != 4 {
		t.Errorf("files %q", paths)
	}
	cache = packs.OpenCache(dir, 1<<20)
	cache.KeepOnly(map[format.Pack]bool{w.pack: true})
	if _, found := cache.Excerpt(other); found {
		t.Error("the excerpt outlives its pack")
	}
	if got, _ := cache.Excerpt(second); string(got) != "of another frame" {
		t.Errorf("%q", got)
	}
	paths, _ := files(t, dir)
	for _, path := range paths {
		if err := os.Truncate(path, 3); err != nil {
			t.Fatal(err)
		}
	}
	if got, found := packs.OpenCache(dir, 1<<20).Excerpt(second); found {
		t.Errorf("%q from a file that was cut", got)
	}
	if _, found := (*packs.Cache)(nil).Excerpt(first); found {
		t.Error("an excerpt without a cache")
	}
	(*packs.Cache)(nil).KeepExcerpt(first, []byte("x"))
}

// Excerpts count against the limit, and those that were used last stay.
func TestExcerptsAreBounded(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	cache := packs.OpenCache(dir, limit)
	used := format.Frame{Pack: format.Pack{Hash: [32]byte{1}}}
	cache.KeepExcerpt(used, []byte("used"))
	for i := range 60 {
		cache.KeepExcerpt(format.Frame{Pack: format.Pack{Hash: [32]byte{2, byte(i)}}}, bytes.Repeat([]byte{byte(i)}, 60_000))
		paths, size := files(t, dir)
		if size > limit {
			t.Fatalf("%d bytes are kept", size)
		}
		old := time.Now().Add(-48 * time.Hour)
		for _, path := range paths {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := cache.Excerpt(used); string(got) != "used" {
			t.Fatalf("after %d excerpts, the one that is read all the time is gone", i+1)
		}
	}
}
