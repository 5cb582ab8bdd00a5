package repo_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// garbler changes a byte of what is read first of each object.
type garbler struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (g *garbler) pass(name string, body io.ReadCloser, size int64, err error) (io.ReadCloser, int64, error) {
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.seen[name] && len(data) > 0 {
		g.seen[name] = true
		data[len(data)/2] ^= 1
	}
	return io.NopCloser(bytes.NewReader(data)), size, nil
}

type garbledMemory struct {
	*storetest.Memory
	garbler
}

func (g *garbledMemory) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	body, size, err := g.Memory.Get(ctx, name, offset, length)
	return g.pass(name, body, size, err)
}

type garbledBucket struct {
	*storetest.Locked
	garbler
}

func (g *garbledBucket) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	body, size, err := g.Locked.Get(ctx, name, offset, length)
	return g.pass(name, body, size, err)
}

// What is damaged on its way from the store is read again. It is no damage, and nobody replaced it.
func TestDamageOnTheWay(t *testing.T) {
	test := func(t *testing.T, r *repo.Repo, garbled func() store.Store) {
		c, _, _ := mustBackup(t, r, "me", 1, 40)
		mustRead(t, fresh(t, garbled()), c)
		for _, p := range problems(t, fresh(t, garbled())) {
			t.Error(p)
		}
	}
	t.Run("without versions", func(t *testing.T) {
		memory := new(storetest.Memory)
		test(t, mustInit(t, memory, repo.InitOptions{NoSeal: true}), func() store.Store {
			return &garbledMemory{memory, garbler{seen: map[string]bool{}}}
		})
	})
	lockedWorlds(t, func(t *testing.T, bucket *storetest.Locked, r *repo.Repo) {
		test(t, r, func() store.Store { return &garbledBucket{bucket, garbler{seen: map[string]bool{}}} })
	})
}
