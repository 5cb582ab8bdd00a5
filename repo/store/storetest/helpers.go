package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/store"
)

// together calls do for 0 to n-1 at the same time.
func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			<-start
			errs[i] = do(i)
			return nil
		})
	}
	close(start)
	_ = g.Wait()
	return errs
}

func put(t *testing.T, s store.Store, name string, data []byte) {
	t.Helper()
	if err := putBytes(t.Context(), s, name, data); err != nil {
		t.Fatal(err)
	}
}

func putBytes(ctx context.Context, s store.Store, name string, data []byte) error {
	return s.Put(ctx, name, bytes.NewReader(data), int64(len(data)))
}

func get(t *testing.T, s store.Store, name string) []byte {
	t.Helper()
	body, size, err := s.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	if size != int64(len(data)) {
		t.Errorf("Get of %s returns the size %d and %d bytes", name, size, len(data))
	}
	return data
}

func list(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	var names []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

func find(t *testing.T, s store.Store, name string) store.Object {
	t.Helper()
	for o, err := range s.List(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("%s is not listed", name)
	return store.Object{}
}

func now(t *testing.T, s store.Store) time.Time {
	t.Helper()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func random(seed, size int64) []byte {
	data := make([]byte, size)
	_, _ = (&pattern{seed: byte(seed)}).ReadAt(data, 0)
	return data
}

// pattern is an endless body that takes little memory: a block of noise, repeated. The length of
// the block is prime, so that a piece of the body in the wrong place shows. Each read that reaches
// beyond past calls hook first.
type pattern struct {
	seed byte
	past int64
	hook func() error

	once  sync.Once
	block [65521]byte
}

func (b *pattern) ReadAt(p []byte, off int64) (int, error) {
	b.once.Do(func() { _, _ = rand.NewChaCha8([32]byte{b.seed}).Read(b.block[:]) })
	if b.hook != nil && off+int64(len(p)) > b.past {
		if err := b.hook(); err != nil {
			return 0, err
		}
	}
	for done := 0; done < len(p); {
		done += copy(p[done:], b.block[(off+int64(done))%int64(len(b.block)):])
	}
	return len(p), nil
}
