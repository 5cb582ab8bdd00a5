package repo_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// meter counts the bytes that are read from a store.
type meter struct {
	store.Store
	read atomic.Int64
	gate func() // before each Get; may be nil
}

func (m *meter) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if m.gate != nil {
		m.gate()
	}
	body, size, err := m.Store.Get(ctx, name, offset, length)
	if err != nil {
		return nil, 0, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, counter{&m.read}), body}, size, nil
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

func mustPutSegment(t testing.TB, r *repo.Repo, seed uint64, chunks int) (string, []chunk.Prefix) {
	t.Helper()
	name, prefixes, err := repo.PutSegment(t.Context(), r, seed, chunks)
	if err != nil {
		t.Fatal(err)
	}
	return name, prefixes
}

func mustFind(t testing.TB, r *repo.Repo, prefixes ...chunk.Prefix) {
	t.Helper()
	for _, p := range prefixes {
		if n, err := repo.Places(t.Context(), r, p); err != nil || n == 0 {
			t.Fatalf("%s is found in %d places: %v", p, n, err)
		}
	}
}

// slowLister lists the index when it is asked, and answers later.
type slowLister struct {
	meter
	listed, answer chan struct{}
}

func (s *slowLister) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if prefix != "index/" {
		return s.Store.List(ctx, prefix)
	}
	return func(yield func(store.Object, error) bool) {
		var objects []store.Object
		for o, err := range s.Store.List(ctx, prefix) {
			if err != nil {
				yield(o, err)
				return
			}
			objects = append(objects, o)
		}
		select {
		case <-s.answer:
		default:
			close(s.listed)
			<-s.answer
		}
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// What another process of this host fetched after an early listing began has not vanished from the
// store, and is not fetched again.
func TestSegmentAfterAnEarlyListing(t *testing.T) {
	memory, dir := new(storetest.Memory), t.TempDir()
	writer := mustInit(t, memory, repo.InitOptions{NoSeal: true})
	open := func(s store.Store, early bool) *repo.Repo {
		t.Helper()
		r, err := repo.Open(t.Context(), s, repo.Unlock{}, repo.Options{CacheDir: dir, ListAhead: early})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	_, first := mustPutSegment(t, writer, 1, 100)
	slow := &slowLister{meter: meter{Store: memory}, listed: make(chan struct{}), answer: make(chan struct{})}
	host := open(slow, true)
	defer host.Close()
	<-slow.listed
	_, second := mustPutSegment(t, writer, 2, 100)
	other := open(memory, false)
	mustFind(t, other, first[0], second[0])
	other.Close()
	close(slow.answer)
	before := slow.read.Load()
	mustFind(t, host, first[0], second[0])
	if read := slow.read.Load() - before; read > 0 {
		t.Errorf("%d bytes of the index were read again", read)
	}
}

// A segment of which a lookup would cost as much as all of it is fetched whole, and not again by
// the next run of the host.
func TestSegmentOfMiddleSizeIsFetchedWhole(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		name, prefixes := mustPutSegment(t, r, 1, 58_000)
		if size := len(store.Bytes(name)); size < 1<<20 || size > 1400<<10 {
			t.Fatalf("a segment of %d bytes", size)
		}
		dir := t.TempDir()
		for run, want := range []int64{int64(len(store.Bytes(name))), 0} {
			m := &meter{Store: store}
			host := repo.On(r, m, dir)
			mustFind(t, host, prefixes[7])
			if read := m.read.Load(); read != want {
				t.Errorf("run %d reads %d bytes, want %d", run+1, read, want)
			}
			host.Close()
		}
	})
}

// A host that needs few chunks does not fetch a large index. One that needs many does, and reads
// less than twice its size.
func TestEmptyCacheReadsLittleOfIndex(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		a, ofA := mustPutSegment(t, r, 1, 90_000)
		b, ofB := mustPutSegment(t, r, 2, 90_000)
		_, ofSmall := mustPutSegment(t, r, 3, 10)
		size := int64(len(store.Bytes(a)) + len(store.Bytes(b)))

		m := &meter{Store: store}
		cold := repo.On(r, m, t.TempDir())
		defer cold.Close()
		mustFind(t, cold, ofA[7], ofSmall[9])
		if read := m.read.Load(); read > size/2 {
			t.Errorf("two lookups read %d bytes of an index of %d", read, size)
		}
		for i := range 100 {
			mustFind(t, cold, ofA[i*800], ofB[i*900])
		}
		if read := m.read.Load(); read > 2*size {
			t.Errorf("many lookups read %d bytes of an index of %d", read, size)
		}
		if n, err := repo.Places(t.Context(), cold, chunk.Prefix{1, 2, 3}); n != 0 || err != nil {
			t.Errorf("an unknown chunk is found in %d places: %v", n, err)
		}

		before := m.read.Load() // now the index is in the cache
		mustFind(t, cold, ofA[:9000]...)
		mustFind(t, cold, ofSmall...)
		if read := m.read.Load() - before; read != 0 {
			t.Errorf("%d bytes are read of an index that is in the cache", read)
		}
	})
}

// A segment that is searched in the store may be merged into another and deleted at the same time.
func TestRemoteSegmentThatWasMerged(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	old, prefixes := mustPutSegment(t, r, 1, 90_000)
	cold := repo.On(r, store, t.TempDir())
	defer cold.Close()
	mustFind(t, cold, prefixes[0])
	mustPutSegment(t, r, 1, 90_000) // sealed again, it has another name
	if err := store.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	mustFind(t, cold, prefixes[1], prefixes[2])
}

// A damaged segment is skipped and reported.
func TestRemoteSegmentThatIsDamaged(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		name, prefixes := mustPutSegment(t, r, 1, 90_000)
		whole, _ := mustPutSegment(t, r, 2, 60_000)
		damaged := bytes.Clone(store.Bytes(name))
		for at := 1 << 17; at < len(damaged)-1<<17; at += 1 << 14 {
			damaged[at] ^= 1
		}
		store.Replace(name, damaged)
		cold := repo.On(r, store, t.TempDir())
		defer cold.Close()
		for _, p := range prefixes[:40] {
			if _, err := repo.Places(t.Context(), cold, p); err != nil {
				t.Fatal(err)
			}
		}
		found := cold.IndexProblems()
		if len(found) != 1 || found[0].Object != name {
			t.Errorf("%v is reported of %s and %s", found, name, whole)
		}
	})
}

// Segments of thousands of runs are fetched in parallel.
func TestSegmentsAreFetchedTogether(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	var all []chunk.Prefix
	for i := range 100 {
		_, prefixes := mustPutSegment(t, r, uint64(i), 5)
		all = append(all, prefixes...)
	}
	const together = 4
	var waiting sync.WaitGroup // the first ones wait for each other
	waiting.Add(together)
	var gets atomic.Int64
	cold := repo.On(r, &meter{Store: store, gate: func() {
		if gets.Add(1) <= together {
			waiting.Done()
			waiting.Wait()
		}
	}}, t.TempDir())
	defer cold.Close()
	mustFind(t, cold, all...)
}
