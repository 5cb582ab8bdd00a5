package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// storedSlot is an object in keys/ as the store has it.
type storedSlot struct {
	name   string
	bytes  []byte
	damage error
}

// fetchSlots reads all key slots, the owners' first. A damaged slot does not keep others from
// opening: damage is the first error, in case no slot opens.
func fetchSlots(ctx context.Context, store *objectlock.Store) (slots []storedSlot, damage error, err error) {
	var found []*storedSlot
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for o, failed := range store.List(ctx, format.KindKey.Folder()) {
		if failed != nil {
			err = fmt.Errorf("list the key slots: %w", failed)
			break
		}
		if _, ok := format.KindOf(o.Name); !ok {
			continue // not an object of mailstrata
		}
		s := &storedSlot{name: o.Name}
		found = append(found, s)
		group.Go(func() error { return s.fetch(fetching, store) })
	}
	if failed := group.Wait(); cmp.Or(err, failed) != nil {
		return nil, nil, cmp.Or(err, failed)
	}
	for _, s := range found {
		damage = cmp.Or(damage, s.damage)
		if s.bytes != nil {
			slots = append(slots, *s)
		}
	}
	slices.SortStableFunc(slots, func(a, b storedSlot) int { return cmp.Compare(a.name, b.name) }) // owner, writer
	return sealedFirst(slots), damage, nil
}

// fetch reads the slot. If it is damaged, or was just removed, it has no bytes.
func (s *storedSlot) fetch(ctx context.Context, st *objectlock.Store) error {
	stored, err := objects.Fetch(ctx, st, s.name)
	switch {
	case err == nil:
		s.bytes = stored
	case errors.Is(err, format.ErrDamaged):
		s.damage = fmt.Errorf("read %s: %w", s.name, err)
	case !errors.Is(err, store.ErrNotExist):
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	return nil
}

// sealedFirst leaves out slots that are not sealed if others are. Otherwise an attacker who can put
// objects, but has no key, could make mailstrata use his own unsealed repository in place of one
// that asks for a key.
func sealedFirst(slots []storedSlot) []storedSlot {
	sealed := func(s storedSlot) bool { return format.IsSealed(s.bytes) }
	if slices.ContainsFunc(slots, sealed) {
		slots = slices.DeleteFunc(slots, func(s storedSlot) bool { return !sealed(s) })
	}
	return slots
}

// unlock finds a slot that opens and whose secrets the config confirms.
func unlock(slots []storedSlot, u Unlock, d *format.FrameDecoder, confirm func(*Access) error) (*Access, error) {
	a, err := tryIdentities(slots, u.Identities, d, confirm)
	if a != nil || u.Passphrase == nil ||
		!slices.ContainsFunc(slots, func(s storedSlot) bool { return format.SealedToPassphrase(s.bytes) }) {
		return a, err
	}
	passphrase, err := u.Passphrase()
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, ErrWrongKey
	}
	return tryIdentities(slots, []age.Identity{id}, d, confirm)
}

// tryIdentities opens the slot whose config has the highest number. Usually it is the first that
// opens.
func tryIdentities(
	slots []storedSlot, ids []age.Identity, d *format.FrameDecoder, confirm func(*Access) error,
) (best *Access, err error) {
	failed := ErrWrongKey
	for _, s := range slots {
		a, err := openSlot(s, d, ids)
		switch {
		case err == nil:
			err = confirm(a)
		case errors.Is(err, format.ErrNotMine):
			continue // most slots are for other keys; only other errors are worth reporting
		default:
			err = fmt.Errorf("open %s: %w", s.name, err)
		}
		switch {
		case err == nil && len(a.rejected) == 0:
			return a, nil
		case err == nil && (best == nil || len(a.rejected) < len(best.rejected)):
			best = a
		case err != nil && errors.Is(failed, ErrWrongKey):
			failed = err
		}
	}
	if best != nil {
		return best, nil
	}
	return nil, failed
}
