package repo_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// nights makes a repository with packs of n runs: each run stores chunks of a size, in one data
// pack.
func nights(t *testing.T, n, chunks, size int) (*storetest.Memory, *repo.Repo, content) {
	t.Helper()
	memory := new(storetest.Memory)
	r := mustInit(t, memory, sealedOptions())
	all := content{}
	for night := range n {
		run, err := r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range chunks {
			data := noise(uint64(night*chunks+i+1), size)
			id, _, err := w.Put(t.Context(), repo.LaneBody, data)
			if err != nil {
				t.Fatal(err)
			}
			all[id] = data
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	return memory, r, all
}

// farHost returns a host without a cache to which the store is far.
func farHost(t *testing.T, r *repo.Repo, memory *storetest.Memory, cacheDir string) (*repo.Repo, *storetest.Far) {
	far := storetest.NewFar(memory)
	host := repo.On(r, far, cacheDir)
	t.Cleanup(func() { host.Close() })
	return host, far
}

// A chunk costs a host without a cache three round trips: the listing of the index, its segments,
// and the pack. With the index it costs one, whether the pack is small or large.
func TestChunkCostsOneRoundTrip(t *testing.T) {
	for _, size := range []int{1 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			memory, r, all := nights(t, 3, 4, size)
			synctest.Test(t, func(t *testing.T) {
				host, far := farHost(t, r, memory, t.TempDir())
				for i, id := range idsOf(all) {
					far.Reset()
					data, err := host.Reader(repo.ReaderOptions{}).Chunk(t.Context(), id)
					if err != nil || !bytes.Equal(data, all[id]) {
						t.Fatalf("chunk %s: %v", id, err)
					}
					want := 1
					if i == 0 {
						want = 3
					}
					if n := far.RoundTrips(); n != want {
						t.Errorf("chunk %d of %d bytes takes %d round trips, want %d", i+1, size, n, want)
					}
				}
			})
		})
	}
}

// Many small packs are fetched at once, each with one request.
func TestPrefetchReadsPacksAtOnce(t *testing.T) {
	const packs = 120
	memory, r, all := nights(t, packs, 2, 4<<10)
	synctest.Test(t, func(t *testing.T) {
		host, far := farHost(t, r, memory, t.TempDir())
		if err := repo.LoadIndex(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		far.Reset()
		rd := host.Reader(repo.ReaderOptions{})
		mustPrefetch(t, host, rd, idsOf(all))
		if n, requests := far.RoundTrips(), far.Requests().All(); n > 1 || requests != packs {
			t.Errorf("%d packs take %d requests in %d round trips, want one each at once", packs, requests, n)
		}
		far.Reset()
		for id, want := range all {
			if data, err := rd.Chunk(t.Context(), id); err != nil || !bytes.Equal(data, want) {
				t.Fatalf("chunk %s: %v", id, err)
			}
		}
		if n := far.Requests().All(); n != 0 {
			t.Errorf("%d requests after all was fetched", n)
		}
	})
}

// mustPrefetch locates chunks and prefetches their frames.
func mustPrefetch(t *testing.T, r *repo.Repo, rd *repo.Reader, ids []chunk.ID) {
	t.Helper()
	places, err := r.Locate(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]repo.Frame, len(places))
	for i, p := range places {
		frames[i] = p.Frame
	}
	if n, err := rd.Prefetch(t.Context(), frames); err != nil || n != len(frames) {
		t.Fatalf("%d of %d frames are prefetched: %v", n, len(frames), err)
	}
}

// Two readers that prefetch the same frames at once fetch them once.
func TestPrefetchAtOnceReadsOnce(t *testing.T) {
	const packs = 40
	memory, r, all := nights(t, packs, 1, 4<<10)
	synctest.Test(t, func(t *testing.T) {
		host, far := farHost(t, r, memory, t.TempDir())
		if err := repo.LoadIndex(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		far.Reset()
		rd := host.Reader(repo.ReaderOptions{})
		ids := idsOf(all)
		done := make(chan struct{})
		for range 2 {
			go func() {
				defer func() { done <- struct{}{} }()
				mustPrefetch(t, host, rd, ids)
			}()
		}
		<-done
		<-done
		for _, id := range ids {
			if _, err := rd.Chunk(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if n := far.Requests().All(); n != packs {
			t.Errorf("%d requests for %d packs", n, packs)
		}
	})
}

// Prefetch takes the first of the frames, as many as the cache holds, and fetches no others.
func TestPrefetchTakesWhatFits(t *testing.T) {
	const packs, size = 20, 4 << 10
	memory, r, all := nights(t, packs, 1, size)
	far := &storetest.Faulty{Store: memory}
	host := repo.On(r, far, t.TempDir())
	defer host.Close()
	places, err := host.Locate(t.Context(), idsOf(all))
	if err != nil {
		t.Fatal(err)
	}
	var frames []repo.Frame
	for _, p := range places {
		frames = append(frames, p.Frame, p.Frame) // a frame counts once
	}
	before := far.Ops()
	rd := host.Reader(repo.ReaderOptions{CacheBytes: 5*size + 1})
	for len(frames) > 0 {
		n, err := rd.Prefetch(t.Context(), frames)
		if err != nil || n != min(10, len(frames)) {
			t.Fatalf("%d frames are taken, %v", n, err)
		}
		frames = frames[n:]
	}
	if n := far.Ops() - before; n != packs {
		t.Errorf("%d requests for %d packs", n, packs)
	}
}

// A host without a cache reads the index in two round trips, however many runs added to it: the
// listing, and all segments.
func TestIndexIsReadAtOnce(t *testing.T) {
	const runs = 120
	memory, r, all := nights(t, runs, 1, 100)
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		host, far := farHost(t, r, memory, dir)
		places, err := host.Locate(t.Context(), idsOf(all))
		if err != nil || len(places) != len(all) {
			t.Fatal(err)
		}
		if n, requests := far.RoundTrips(), far.Requests().All(); n != 2 || requests != runs+1 {
			t.Errorf("%d requests in %d round trips, want %d in 2", requests, n, runs+1)
		}
		again, far := farHost(t, r, memory, dir)
		if _, err := again.Locate(t.Context(), idsOf(all)); err != nil {
			t.Fatal(err)
		}
		if n := far.Requests().All(); n != 1 {
			t.Errorf("%d requests with a cached index, want the listing alone", n)
		}
	})
}

// Chunks are looked up in large segments at once: each table and each block is read once.
func TestLocateReadsBlocksAtOnce(t *testing.T) {
	memory := new(storetest.Memory)
	r := mustInit(t, memory, sealedOptions())
	var ids []chunk.ID
	for seed := range uint64(3) {
		_, prefixes := mustPutSegment(t, r, seed, 200_000) // 5.6 MB, 49 blocks
		for i := range 4 {
			var id chunk.ID // two of one block
			copy(id[:], prefixes[i][:])
			ids = append(ids, id)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		host, far := farHost(t, r, memory, t.TempDir())
		if err := repo.OpenIndex(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		far.Reset()
		if _, err := host.Locate(t.Context(), ids[:2]); err != nil {
			t.Fatal(err)
		}
		if n, requests := far.RoundTrips(), far.Requests().Get; n != 1 || requests > 2*3 {
			t.Errorf("2 chunks are looked up with %d requests in %d round trips, want one for each in each of 3 segments", requests, n)
		}
		far.Reset()
		if _, err := host.Locate(t.Context(), ids); err != nil { // costs as much as the segments do
			t.Fatal(err)
		}
		if n, requests := far.RoundTrips(), far.Requests().Get; n != 1 || requests != 3 {
			t.Errorf("12 chunks are looked up with %d requests in %d round trips, want 3 segments in 1", requests, n)
		}
	})
}

// The tables of packs that no segment describes are read at once.
func TestUnindexedPacksAreReadAtOnce(t *testing.T) {
	const runs = 30
	memory, r, all := nights(t, runs, 1, 100)
	for _, name := range memory.Names() {
		if strings.HasPrefix(name, "index/") {
			if err := memory.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		host, far := farHost(t, r, memory, t.TempDir())
		if _, err := host.Locate(t.Context(), idsOf(all)); err != nil {
			t.Fatal(err)
		}
		if n := far.RoundTrips(); n > 5 {
			t.Errorf("%d round trips, want 5 at most: the index twice, two folders of packs, and %d tables", n, runs)
		}
	})
}

// A second process on a host asks the store only for what the first did not read. Packs of mail are
// kept for readers that ask for it.
func TestCachedPacksCostNoRequests(t *testing.T) {
	const runs = 20
	for _, size := range []int{4 << 10, 400 << 10} {
		memory, r, all := nights(t, runs, 1, size)
		dir := t.TempDir()
		read := func(t *testing.T, kept repo.Kept) storetest.Requests {
			far := storetest.NewFar(memory)
			host := repo.OnCached(r, far, dir, 1<<30)
			defer host.Close()
			rd := host.Reader(repo.ReaderOptions{})
			rd.Keep(kept)
			mustPrefetch(t, host, rd, idsOf(all))
			for id, want := range all {
				if data, err := rd.Chunk(t.Context(), id); err != nil || !bytes.Equal(data, want) {
					t.Fatalf("chunk %s: %v", id, err)
				}
			}
			return far.Requests()
		}
		synctest.Test(t, func(t *testing.T) {
			for i, step := range []struct {
				kept repo.Kept
				free bool
			}{{repo.KeptNothing, false}, {repo.KeptCatalog, false}, {repo.KeptMail, false}, {repo.KeptMail, true}, {repo.KeptNothing, false}} {
				n := read(t, step.kept)
				if got := n.Get == 0; got != step.free {
					t.Errorf("chunks of %d bytes, step %d: %d Gets", size, i, n.Get)
				}
			}
		})
	}
}

// A file of the cache with other bytes is not believed, even if nothing is sealed and only the ID
// of a chunk shows it.
func TestDamagedCacheIsNotBelieved(t *testing.T) {
	worlds(t, func(t *testing.T, memory *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, memory, o)
		mustBackup(t, r, "me", 1, 400)
		c, _, _ := mustBackup(t, r, "me", 2, 20)
		dir := t.TempDir()
		read := func() {
			host := repo.OnCached(r, memory, dir, 1<<30)
			defer host.Close()
			rd := host.Reader(repo.ReaderOptions{})
			rd.Keep(repo.KeptMail)
			mustPrefetchSome(t, host, rd, idsOf(c))
			for id, want := range c {
				if data, err := rd.Chunk(t.Context(), id); err != nil || !bytes.Equal(data, want) {
					t.Fatalf("chunk %s: %v", id, err)
				}
			}
		}
		read()
		for _, damage := range []func(b []byte){func(b []byte) { b[len(b)/2] ^= 4 }, func(b []byte) { clear(b) }} {
			files, err := filepath.Glob(filepath.Join(dir, "*", "packs", "*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("nothing is kept: %v", err)
			}
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				damage(b)
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			read()
			read()
		}
		host := repo.OnCached(r, memory, dir, 1<<30)
		defer host.Close()
		host.DropLocal(nil)
		if files, _ := filepath.Glob(filepath.Join(dir, "*", "packs", "*")); len(files) != 0 {
			t.Errorf("%d files are left after an erasure", len(files))
		}
	})
}

// mustPrefetchSome is mustPrefetch where some frames cannot be read at first.
func mustPrefetchSome(t *testing.T, r *repo.Repo, rd *repo.Reader, ids []chunk.ID) {
	t.Helper()
	places, err := r.Locate(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		_, _ = rd.Prefetch(t.Context(), []repo.Frame{p.Frame})
	}
}

// The index is read while a command does something else. Close may come at any moment, and a
// failure is not the end.
func TestPrepareIndex(t *testing.T) {
	memory := new(storetest.Memory)
	r := mustInit(t, memory, repo.InitOptions{NoSeal: true})
	c, _, _ := mustBackup(t, r, "me", 1, 20)
	synctest.Test(t, func(t *testing.T) {
		far := storetest.NewFar(memory)
		r := repo.On(r, far, t.TempDir())
		r.PrepareIndex(t.Context())
		for range r.Manifests(t.Context()) {
		}
		if far.RoundTrips() != 1 {
			t.Errorf("%d round trips for the manifests", far.RoundTrips())
		}
		mustLocate(t, r, idsOf(c))
		if far.RoundTrips() != 2 {
			t.Errorf("%d round trips for the manifests and the index", far.RoundTrips())
		}
		r.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		r := repo.On(r, storetest.NewFar(memory), t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		r.PrepareIndex(ctx)
		cancel()
		began := time.Now()
		r.Close()
		if time.Since(began) > 0 {
			t.Error("Close waits for the store")
		}
	})
	s := &storetest.Faulty{Store: memory, Fail: func(op storetest.Op) storetest.Fault {
		if op.N == 1 {
			return storetest.Refuse
		}
		return storetest.None
	}}
	r = repo.On(r, s, t.TempDir())
	defer r.Close()
	r.PrepareIndex(t.Context())
	for s.Ops() == 0 {
		time.Sleep(time.Millisecond)
	}
	mustLocate(t, r, idsOf(c))
}

func mustLocate(t *testing.T, r *repo.Repo, ids []chunk.ID) {
	t.Helper()
	if places, err := r.Locate(t.Context(), ids); err != nil || len(places) != len(ids) {
		t.Fatalf("%d places: %v", len(places), err)
	}
}
