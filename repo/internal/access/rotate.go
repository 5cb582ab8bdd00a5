package access

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Rotation says how to change a repository's keys.
type Rotation struct {
	// Keeper says to replace the keeper too, because an owner's slot came into wrong hands. The
	// fingerprint changes, and every host and key file must be given the new one
	// (repo.Options.Trust).
	Keeper bool

	// Passphrase returns the passphrase of the slots that have one, which are made again with it.
	Passphrase func() ([]byte, error)

	ScryptWork int // see InitOptions
}

// Rotate draws new reader and writer identities, and makes every slot again with the old and the
// new ones. Objects that are stored do not change, and a removed key that knew the old identities
// can still read them, but not what is stored from now on. Rotate returns the objects of old slots
// that the store retains.
//
// signAgain signs every statement of the old keeper with a new one.
//
// The secret stays the same: chunk IDs depend on it, and with another one all mail would be stored
// again.
func (a *Access) Rotate(
	ctx context.Context, o Rotation, signAgain func(context.Context, ed25519.PrivateKey) error,
) (retained []string, err error) {
	next, err := a.nextKeys(ctx)
	if err != nil {
		return nil, err
	}
	recipients, err := a.rowRecipients(ctx, o)
	if err != nil {
		return nil, err
	}
	held, err := a.draw(next, o.Keeper)
	if err != nil {
		return nil, err
	}
	old, current := slices.Clone(next.Slots), a.slotName
	for i, row := range next.Slots {
		fresh, err := a.putSlot(ctx, held, row, recipients[i], next.Number)
		if err != nil {
			return nil, err
		}
		next.Slots[i] = *fresh
		if row.Name() == a.slotName {
			current = fresh.Name()
		}
	}
	if o.Keeper { // before the config, after which the old keeper's signatures no longer count
		if err := signAgain(ctx, ed25519.NewKeyFromSeed(held.Seed)); err != nil {
			return nil, err
		}
	}
	if err := a.replaceConfig(ctx, next, held, current); err != nil {
		return nil, err
	}
	return a.deleteSlots(ctx, old)
}

// draw puts new keys into a copy of the owner's slot, and their public parts into the config.
func (a *Access) draw(next *Config, withKeeper bool) (*Secrets, error) {
	held := *a.Held
	for _, role := range []struct {
		recipients *[]string
		identities *[]string
	}{{&next.Readers, &held.Readers}, {&next.Writers, &held.Writers}} {
		recipient, identity, err := keys.NewIdentity()
		if err != nil {
			return nil, err
		}
		*role.recipients = []string{recipient}
		*role.identities = append([]string{identity}, *role.identities...)
	}
	if withKeeper {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, fmt.Errorf("draw the keeper's key: %w", err)
		}
		held.Seed, held.Keeper = key.Seed(), [32]byte(publicKey(key.Seed()))
	}
	next.Keeper, held.Number = held.Keeper, next.Number
	return &held, nil
}

// rowRecipients returns the recipients of all slots. It fails before anything changes if a slot
// cannot be made again.
func (a *Access) rowRecipients(ctx context.Context, o Rotation) (recipients []age.Recipient, err error) {
	var passphrase []byte
	for i := range a.Config.Slots {
		row := &a.Config.Slots[i]
		var recipient age.Recipient
		if len(row.Recipient) > 0 {
			recipient, err = keys.ParseRecipient(string(row.Recipient))
		} else {
			if passphrase == nil && o.Passphrase != nil {
				if passphrase, err = o.Passphrase(); err != nil {
					return nil, err
				}
			}
			recipient, err = a.samePassphrase(ctx, row, passphrase, o.ScryptWork)
		}
		if err != nil {
			return nil, err
		}
		recipients = append(recipients, recipient)
	}
	return recipients, nil
}

func (a *Access) samePassphrase(ctx context.Context, row *SlotRow, passphrase []byte, work int) (age.Recipient, error) {
	refused := fmt.Errorf("key %s has a passphrase that was not given, so it cannot be made again: "+
		"remove that key first, and add it afterwards", a.slotOf(row).ID)
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, refused
	}
	stored, err := objects.Fetch(ctx, a.Objects.Store, row.Name())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", row.Name(), err)
	}
	switch fits, err := opensWith(stored, id); {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", row.Name(), err)
	case !fits:
		return nil, refused
	}
	return keys.PassphraseRecipient(passphrase, work)
}

func (a *Access) deleteSlots(ctx context.Context, rows []SlotRow) (retained []string, err error) {
	for i := range rows {
		err := a.deleteSlot(ctx, rows[i].Name())
		switch {
		case errors.Is(err, store.ErrRetained):
			retained = append(retained, rows[i].Name())
		case err != nil:
			return retained, err
		}
	}
	return retained, nil
}
