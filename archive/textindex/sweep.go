package textindex

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// sweep forgets the manifests that are gone from the store, and the stays that no other manifest
// has. If the latest manifest of an account is gone, its pages are of no use: the account begins
// again. Messages without stays are removed at the end of a Bring (removeLost), because an account
// that begins again has most of them.
func (b *bringing) sweep(ctx context.Context) error {
	gone := make(map[uint64]bool)
	again := make(map[uint64]bool) // accounts
	for name, n := range b.state.nights {
		if _, listed := b.heads[name]; listed {
			continue
		}
		gone[n.number] = true
		if a := b.state.byNumber[n.account]; a != nil && a.latest == n.number {
			again[a.number] = true
		}
	}
	if len(gone) == 0 {
		return nil
	}
	for name, n := range b.state.nights {
		if gone[n.number] || again[n.account] {
			b.window.delete(n.key())
			delete(b.state.nights, name)
		}
	}
	return b.dropStays(ctx, again)
}

// forget drops everything of an account but its messages, because its manifests are to be read
// again from the first.
func (b *bringing) forget(ctx context.Context, a *account) error {
	if err := b.write(ctx); err != nil {
		return err
	}
	for name, n := range b.state.nights {
		if n.account == a.number {
			b.window.delete(n.key())
			delete(b.state.nights, name)
		}
	}
	return b.dropStays(ctx, map[uint64]bool{a.number: true})
}

// dropStays drops the stays and the pages of accounts, and all stays that are in no manifest. The
// changes that are in the window are written when that is done, so that a run that is interrupted
// does it again.
func (b *bringing) dropStays(ctx context.Context, again map[uint64]bool) error {
	nights := b.state.numbers()
	keeps := func(s stay) bool {
		box := b.state.boxes[s.box]
		if box == nil || again[box.account] {
			return false
		}
		i, _ := slices.BinarySearch(nights[box.account], s.first)
		return s.last == openNight || i < len(nights[box.account]) && nights[box.account][i] <= s.last
	}
	err := b.eachMessage(ctx, func(u *fulltext.Update, hit *fulltext.Hit) error {
		stays, err := decodeStays(hit.Data)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(stays), func(s stay) bool { return !keeps(s) })
		if len(left) == len(stays) {
			return nil
		}
		for _, s := range stays {
			if !slices.ContainsFunc(left, func(l stay) bool { return l.box == s.box }) {
				if err := u.Delete(ctx, heldKeyOf(s.box, &hit.Hash)); err != nil {
					return err
				}
			}
		}
		return u.SetData(ctx, hit.Hash, encodeStays(left))
	})
	if err != nil {
		return err
	}
	for _, box := range b.state.boxes {
		if !again[box.account] {
			continue
		}
		for _, kind := range []string{pageKey, memberKey} {
			pairs, err := b.words.State(ctx, binary.BigEndian.AppendUint32([]byte(kind), uint32(box.number)))
			if err != nil {
				return err
			}
			for _, p := range pairs {
				b.window.delete(p.Key)
			}
		}
	}
	for number := range again {
		b.state.byNumber[number].latest = 0
	}
	b.window.put(fulltext.Pair{Key: []byte(lostKey), Value: []byte{1}})
	return b.write(ctx)
}

// numbers returns the numbers of the manifests of each account, ascending.
func (s *state) numbers() map[uint64][]uint64 {
	numbers := make(map[uint64][]uint64)
	for _, n := range s.nights {
		numbers[n.account] = append(numbers[n.account], n.number)
	}
	for _, list := range numbers {
		slices.Sort(list)
	}
	return numbers
}

// removeLost removes the messages without stays, if there can be any.
func (b *bringing) removeLost(ctx context.Context) error {
	pending, err := b.words.State(ctx, []byte(lostKey))
	if err != nil || len(pending) == 0 {
		return err
	}
	err = b.eachMessage(ctx, func(u *fulltext.Update, hit *fulltext.Hit) error {
		if len(hit.Data) > 0 {
			return nil
		}
		b.report.Removed++
		if err := u.Delete(ctx, lackKeyOf(hit.Hash)); err != nil {
			return err
		}
		return u.Remove(ctx, hit.Hash)
	})
	if err != nil {
		return err
	}
	b.window.delete([]byte(lostKey))
	return b.write(ctx)
}

// sweepBatch is how many messages are looked at in one update.
const sweepBatch = 20_000

// eachMessage calls do with every message of the index.
func (b *bringing) eachMessage(ctx context.Context, do func(*fulltext.Update, *fulltext.Hit) error) error {
	var hits []fulltext.Hit
	flush := func() error {
		err := b.update(ctx, func(u *fulltext.Update) error {
			for i := range hits {
				if err := do(u, &hits[i]); err != nil {
					return err
				}
			}
			return nil
		})
		hits = hits[:0]
		return err
	}
	for hit, err := range b.words.Search(ctx, &words.Query{}, fulltext.Bounds{}) {
		if err != nil {
			return err
		}
		if hits = append(hits, hit); len(hits) < sweepBatch {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}
