package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Unlock says what opens a key slot.
type Unlock struct {
	// Identities, from key files, are tried first.
	Identities []age.Identity

	// Fingerprint is the one that the key file names, or empty.
	Fingerprint string

	// Sealed refuses a repository that is not sealed, because the user expects to need a
	// passphrase.
	Sealed bool

	// Passphrase is called only if no identity opens a slot and a slot takes a passphrase.
	Passphrase func() ([]byte, error)
}

// Open opens the config of a repository, with a key slot that confirms it. Objects has no cache
// yet.
func Open(ctx context.Context, store store.Store, u Unlock) (*Access, error) {
	v := objectlock.New(store, nil)
	a, err := open(ctx, v, u)
	lost := errors.Is(err, ErrNoRepository) || errors.Is(err, ErrWrongKey) || errors.Is(err, ErrNoSlots)
	if lost && (v.Hides(ctx, format.KindConfig.Folder()) || v.Hides(ctx, format.KindKey.Folder())) {
		// An attacker who may delete can have hidden every config and slot. Under lock they are
		// read anyway.
		v.ShowHidden()
		if hidden, failed := open(ctx, v, u); failed == nil && hidden.Config.Lock != nil {
			a, err = hidden, nil
		}
	}
	if err != nil {
		return nil, err
	}
	a.Objects.Store = objectlock.New(store, a.Config.ObjectLock())
	return a, nil
}

func open(ctx context.Context, store *objectlock.Store, u Unlock) (*Access, error) {
	decoder, err := format.NewFrameDecoder()
	if err != nil {
		return nil, err
	}
	// Configs and slots are listed and read at once. They confirm each other, whichever was read
	// first.
	listed := ahead.Do(func() ([]string, error) { return configNames(ctx, store) })
	first := ahead.Do(func() ([]byte, error) { // usually the one that counts
		names, err := listed()
		if err != nil {
			return nil, err
		}
		return objects.Fetch(ctx, store, names[0])
	})
	defer first()
	slots, damage, errSlots := fetchSlots(ctx, store)
	names, err := listed()
	if err = cmp.Or(err, errSlots); err != nil {
		return nil, err
	}
	confirm := func(a *Access) error {
		return a.findConfig(names, func(name string) ([]byte, error) {
			if name == names[0] {
				return first()
			}
			return objects.Fetch(ctx, store, name)
		})
	}
	if len(slots) == 0 && damage == nil {
		return nil, ErrNoSlots
	}
	a, err := unlock(slots, u, decoder, confirm)
	if errors.Is(err, ErrWrongKey) && damage != nil {
		return nil, fmt.Errorf("%w; %w", damage, ErrNoOtherSlot)
	}
	if err != nil {
		return nil, err
	}
	if (u.Sealed || len(u.Identities) > 0) && !a.Sealed() {
		return nil, fmt.Errorf("%w: a passphrase or a key file was given, but this repository is not sealed",
			pin.ErrSwapped)
	}
	return a, nil
}
