package repo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// passphrase opens every sealed repository of these tests. Trying it costs little work.
var passphrase = []byte("correct horse")

const easy = 4

func sealedOptions() repo.InitOptions {
	return repo.InitOptions{Passphrase: passphrase, ScryptWork: easy}
}

func mustInit(t testing.TB, store store.Store, o repo.InitOptions) *repo.Repo {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	r, err := repo.Init(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// unlocked returns an Unlock that gives the passphrase.
func unlocked() repo.Unlock {
	return repo.Unlock{Passphrase: func() ([]byte, error) { return passphrase, nil }}
}

// reopen opens the repository as a host without a cache.
func reopen(t testing.TB, store store.Store, r *repo.Repo) *repo.Repo {
	t.Helper()
	again, err := repo.Open(t.Context(), store, unlocked(), repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

// worlds runs a test in a sealed and in an unsealed repository.
func worlds(t *testing.T, test func(t *testing.T, store *storetest.Memory, o repo.InitOptions)) {
	t.Run("sealed", func(t *testing.T) { test(t, new(storetest.Memory), sealedOptions()) })
	t.Run("unsealed", func(t *testing.T) { test(t, new(storetest.Memory), repo.InitOptions{NoSeal: true}) })
}

// text returns n bytes like those of mail: words, a little different each time.
func text(seed uint64, n int) []byte {
	words := []string{"Received:", "from", "mail", "the", "list", "by", "with", "ESMTP", "id", "for", "\r\n", "Subject: Re:"}
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n+32)
	for len(b) < n {
		b = append(b, words[rng.IntN(len(words))]...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(rng.IntN(1<<16)), 16)
		b = append(b, ' ')
	}
	return b[:n]
}

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) []byte {
	b := make([]byte, 0, n+8)
	rng := rand.New(rand.NewPCG(seed, 2))
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}

// content maps the IDs of the chunks that a test run stores to the chunks.
type content map[chunk.ID][]byte

// manifest is the content of a manifest in these tests: what this package reads, and the IDs that
// it names.
type manifest struct {
	Deadline int64    `cbor:"5,keyasint"`
	Time     int64    `cbor:"24,keyasint"`
	IDs      [][]byte `cbor:"6,keyasint"`
}

func encodeManifest(t testing.TB, deadline time.Time, c content) repo.Encode {
	t.Helper()
	m := manifest{Deadline: deadline.UnixMilli()}
	for id := range c {
		m.IDs = append(m.IDs, id[:])
	}
	return m.encode
}

func (m manifest) encode(at time.Time) ([]byte, error) {
	m.Time = at.UnixMilli()
	return cbor.Marshal(m)
}

// chunksOf returns chunks of all lanes and many sizes.
func chunksOf(seed uint64, n int) (chunks [][]byte, lanes []repo.Lane) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for i := range n {
		size := 1 + rng.IntN(6000)
		if i%17 == 0 {
			size = 16<<10 + rng.IntN(240<<10)
		}
		lane := repo.Lane(i % 4)
		if lane == repo.LaneBody {
			chunks = append(chunks, noise(seed+uint64(i), size))
		} else {
			chunks = append(chunks, text(seed+uint64(i), size))
		}
		lanes = append(lanes, lane)
	}
	return chunks, lanes
}

// backup puts chunks from several goroutines and commits them for account.
func backup(
	ctx context.Context, t testing.TB, r *repo.Repo, account string, seed uint64, n int,
) (c content, h repo.Head, s repo.Stats, err error) {
	run, err := r.Begin(ctx)
	if err != nil {
		return nil, h, s, err
	}
	for _, err := range run.Heads(ctx, account) {
		if err != nil {
			return nil, h, s, err
		}
		break
	}
	w, err := run.Writer(ctx)
	if err != nil {
		return nil, h, s, err
	}
	defer w.Close()
	c, err = put(ctx, w, seed, n)
	if err != nil {
		return nil, h, s, err
	}
	h, err = w.Commit(ctx, account, encodeManifest(t, run.Deadline(), c))
	return c, h, w.Stats(), err
}

func put(ctx context.Context, w *repo.Writer, seed uint64, n int) (content, error) {
	chunks, lanes := chunksOf(seed, n)
	c := content{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for k := range errs {
		wg.Go(func() {
			for i := k; i < len(chunks); i += len(errs) {
				id, _, err := w.Put(ctx, lanes[i], chunks[i])
				if err != nil {
					errs[k] = err
					return
				}
				mu.Lock()
				c[id] = chunks[i]
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return c, errors.Join(errs...)
}

func mustBackup(t testing.TB, r *repo.Repo, account string, seed uint64, n int) (content, repo.Head, repo.Stats) {
	t.Helper()
	c, h, s, err := backup(t.Context(), t, r, account, seed, n)
	if err != nil {
		t.Fatal(err)
	}
	return c, h, s
}

// mustRead reads every chunk of c and compares it.
func mustRead(t testing.TB, r *repo.Repo, c content) {
	t.Helper()
	rd := r.Reader(repo.ReaderOptions{})
	for id, want := range c {
		got, err := rd.Chunk(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("chunk %s has other bytes", id)
		}
	}
}

// committed returns the IDs that all manifests in the store name, without content.
func committed(t testing.TB, r *repo.Repo) (ids []chunk.ID) {
	t.Helper()
	for h, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Manifest(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := cbor.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for _, id := range m.IDs {
			ids = append(ids, chunk.ID(id))
		}
	}
	return ids
}

// problems runs a full check and returns its problems.
func problems(t testing.TB, r *repo.Repo) (found []repo.Problem) {
	t.Helper()
	if _, err := r.Check(t.Context(), repo.AllPacks, repo.Share{}, func(p repo.Problem) { found = append(found, p) }, nil); err != nil {
		t.Fatal(err)
	}
	return found
}

func mustBeSound(t testing.TB, r *repo.Repo) {
	t.Helper()
	for _, p := range problems(t, r) {
		if !p.Kind.Harmless() {
			t.Error(p)
		}
	}
}

// packIDs returns the packs in the store.
func packIDs(store *storetest.Memory) iter.Seq[repo.Pack] {
	return func(yield func(repo.Pack) bool) {
		for _, name := range store.Names() {
			folder, hash, _ := strings.Cut(name, "/")
			id, err := chunk.ParseID(hash)
			if err != nil || folder != "data" && folder != "catalog" {
				continue
			}
			if !yield(repo.Pack{Catalog: folder == "catalog", Hash: id}) {
				return
			}
		}
	}
}

func idsOf(c content) []chunk.ID { return slices.Collect(maps.Keys(c)) }

func newKey(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
