package repo

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// headMemory has this host remember the newest manifests of accounts. Manifests that are committed while the file is being
// written are written together, because the file names all accounts and each write waits for the disk.
type headMemory struct {
	memory func() *memory
	turn   *semaphore.Weighted // held while the file is written

	mu   sync.Mutex
	next *headBatch // what the next writer writes; nil: nothing
}

// headBatch is what one write of the file adds.
type headBatch struct {
	heads   []Head
	written bool
	err     error
}

// set remembers the newest manifest of an account. When it returns, the file is written.
func (m *headMemory) set(ctx context.Context, h Head) error {
	m.mu.Lock()
	if m.next == nil {
		m.next = new(headBatch)
	}
	batch := m.next
	batch.heads = append(batch.heads, h)
	m.mu.Unlock()

	if err := m.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer m.turn.Release(1)
	if !batch.written {
		m.mu.Lock()
		m.next = nil
		m.mu.Unlock()
		batch.written, batch.err = true, m.memory().setHeads(batch.heads)
	}
	return batch.err
}

// setHeads remembers manifests, each the newest of its account.
func (m *memory) setHeads(heads []Head) error {
	_, err := m.change(func(old *remembered) error {
		if old == nil || old.Repository != m.now.Repository {
			return nil
		}
		changed := false
		for _, h := range heads {
			changed = old.setHead(h) || changed
		}
		if !changed {
			return nil
		}
		return m.write(old)
	})
	return err
}

// setHead reports whether it changed what is remembered of the account.
func (old *remembered) setHead(h Head) bool {
	newest, known := ParseManifest(old.Heads[h.Account])
	if known && !h.Time.After(newest.Time) && !newest.Time.After(h.Stored.Add(earlyAtMost)) { // otherwise a clock was ahead
		return false
	}
	if old.Heads == nil {
		old.Heads = map[string]string{}
	}
	old.Heads[h.Account] = h.Name
	return true
}
