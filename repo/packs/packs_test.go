package packs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"filippo.io/age"
	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// world is a store with one pack, whose container is noise.
type world struct {
	store     *storetest.Memory
	identity  age.Identity // nil if the pack is not sealed
	pack      format.Pack
	container []byte
	size      int64          // of the pack
	key       *localseal.Key // of the host, or nil
}

func newWorld(t testing.TB, length int, recipients ...*age.X25519Identity) *world {
	t.Helper()
	w := &world{store: new(storetest.Memory), container: make([]byte, length)}
	_, _ = rand.NewChaCha8([32]byte{byte(length)}).Read(w.container)
	stored := w.container
	if len(recipients) > 0 {
		w.identity = recipients[0]
		var b bytes.Buffer
		var to []age.Recipient
		for _, r := range recipients {
			to = append(to, r.Recipient())
		}
		sealed, err := age.Encrypt(&b, to...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sealed.Write(w.container); err != nil {
			t.Fatal(err)
		}
		if err := sealed.Close(); err != nil {
			t.Fatal(err)
		}
		stored = b.Bytes()
	}
	w.pack.Hash = blake3.Sum256(stored)
	w.size = int64(len(stored))
	w.store.Replace(w.pack.String(), stored)
	return w
}

func (w *world) reader(s *storetest.Faulty, cache *packs.Cache) *packs.Reader {
	return packs.NewReader(packs.Options{
		Store:    s,
		Identity: func(format.Kind) (age.Identity, error) { return w.identity, nil },
		Key:      func(format.Kind) *localseal.Key { return w.key },
		Cache:    func(format.Kind) *packs.Cache { return cache },
	})
}

func (w *world) at(offset, length int) packs.Range {
	return packs.Range{Pack: w.pack, Size: w.size, Offset: int64(offset), Length: int64(length)}
}

func keys(t testing.TB, n int) (all []*age.X25519Identity) {
	for range n {
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	return all
}

// ranges calls each with ranges at and around the borders of age's pieces, and of the container.
func ranges(length int, each func(offset, length int)) {
	var borders []int
	for at := 0; at <= length+format.AgePiece; at += format.AgePiece {
		for _, around := range []int{-20_000, -5000, -1, 0, 1, 5000, 20_000} {
			if b := at + around; b >= 0 && b <= length {
				borders = append(borders, b)
			}
		}
	}
	borders = append(borders, length-1, length)
	for i, from := range borders {
		for _, to := range borders[i:] {
			if from < to {
				each(from, to-from)
			}
		}
	}
}

// Each range is read as it is, with one request of a small pack, and at most three of a large one,
// the first time too.
func TestEveryRangeIsRead(t *testing.T) {
	for _, recipients := range []int{0, 1, 2, 60} { // the header for 60 is longer than what is fetched of it at first
		for _, length := range []int{1000, packs.Small - 100_000, packs.Small + 1, 330_000, 5 * format.AgePiece} {
			t.Run(fmt.Sprintf("%d bytes to %d", length, recipients), func(t *testing.T) {
				w := newWorld(t, length, keys(t, recipients)...)
				s := &storetest.Faulty{Store: w.store}
				known := w.reader(s, nil)
				ranges(length, func(offset, n int) {
					for _, r := range []*packs.Reader{known, w.reader(s, nil)} {
						before := s.Ops()
						got, err := r.Read(t.Context(), w.at(offset, n))
						if err != nil || !bytes.Equal(got, w.container[offset:][:n]) {
							t.Fatalf("%d bytes at %d: %v", n, offset, err)
						}
						most := 3
						switch {
						case w.size <= packs.Small || r == known && offset > 0 || recipients == 0:
							most = 1
						case recipients > 40:
							most = 6
						}
						if ops := s.Ops() - before; ops > most {
							t.Fatalf("%d bytes at %d take %d requests, want %d", n, offset, ops, most)
						}
					}
				})
				if _, err := known.Read(t.Context(), w.at(length-10, 11)); recipients > 0 && err == nil {
					t.Error("more is read than the pack has")
				}
			})
		}
	}
}
