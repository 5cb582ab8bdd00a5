package pin

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Manifest is the newest manifest of an account.
type Manifest struct {
	Account string // its folder
	Name    string
	Time    time.Time // in its name
	Stored  time.Time // by the clock of the store
}

// Newest has this host remember the newest manifests of accounts. Manifests that are committed
// while the file is being written are written together, because the file names all accounts and
// each write waits for the disk.
type Newest struct {
	pin   func() *Pin         // that is written
	early time.Duration       // how far the Time of a manifest may be after Stored
	turn  *semaphore.Weighted // held while the file is written

	mu   sync.Mutex
	next *batch // what the next writer writes; nil: nothing
}

// NewNewest returns a Newest that writes to a pin. A manifest whose Time is more than early after
// the present was written by a host whose clock was ahead.
func NewNewest(pin func() *Pin, early time.Duration) *Newest {
	return &Newest{pin: pin, early: early, turn: semaphore.NewWeighted(1)}
}

// batch is what one write of the file adds.
type batch struct {
	newest  []Manifest
	written bool
	err     error
}

// Set remembers the newest manifest of an account. When it returns, the file is written.
func (n *Newest) Set(ctx context.Context, m Manifest) error {
	n.mu.Lock()
	if n.next == nil {
		n.next = new(batch)
	}
	mine := n.next
	mine.newest = append(mine.newest, m)
	n.mu.Unlock()

	if err := n.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer n.turn.Release(1)
	if !mine.written {
		n.mu.Lock()
		n.next = nil
		n.mu.Unlock()
		mine.written, mine.err = true, n.write(mine.newest)
	}
	return mine.err
}

// write remembers manifests, each the newest of its account.
func (n *Newest) write(newest []Manifest) error {
	p := n.pin()
	_, err := p.change(func(old *Repository) error {
		if old == nil || old.ID != p.now.ID {
			return nil
		}
		changed := false
		for _, m := range newest {
			changed = old.set(m, n.early) || changed
		}
		if !changed {
			return nil
		}
		return p.write(old)
	})
	return err
}

// set reports whether it changed what is remembered of the account.
func (old *Repository) set(m Manifest, early time.Duration) bool {
	_, before, _, known := format.ParseManifestName(old.Heads[m.Account])
	if known && !m.Time.After(before) && !before.After(m.Stored.Add(early)) { // otherwise a clock was ahead
		return false
	}
	if old.Heads == nil {
		old.Heads = map[string]string{}
	}
	old.Heads[m.Account] = m.Name
	return true
}
