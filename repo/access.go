package repo

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"

	"filippo.io/age"
	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// opened is a repository that a key has opened.
type opened struct {
	objects *objects.Objects
	access  *access.Access
	early   *ahead.Listings // of Options.ListAhead; nil: none
}

// list lists the objects under a prefix, with the listing that began while the repository was
// opened, if there is one.
func (o *opened) list(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if l := o.early.Take(prefix); l != nil {
		return l.Objects(ctx)
	}
	return o.objects.Store.List(ctx, prefix)
}

// ID returns the repository's ID in hexadecimal.
func (o *opened) ID() string { return o.access.ID() }

// Fingerprint returns a short hash of the repository's ID, keys and keeper. Recipients and key
// slots may change, by a config that the keeper signs.
func (o *opened) Fingerprint() string { return o.access.Fingerprint() }

// Sealed reports whether objects are sealed.
func (o *opened) Sealed() bool { return o.objects.Seals.Sealed() }

// CanRead reports whether the key can read mail, and not only archive it.
func (o *opened) CanRead() bool { return o.access.CanRead() }

// CanRemove reports whether the key can sign what removes.
func (o *opened) CanRemove() bool { return o.access.Keeper != nil }

// Cutter returns the Cutter with the repository's polynomial.
func (o *opened) Cutter() *chunk.Cutter { return o.access.Cutter }

// ChunkKey returns the key of chunk IDs.
func (o *opened) ChunkKey() chunk.Key { return o.objects.Codec.Keys.Chunk }

// MessageKey returns the key of message hashes.
func (o *opened) MessageKey() chunk.Key { return o.objects.Codec.Keys.Message }

// MessageHasher returns a hasher for a message that comes in pieces.
func (o *opened) MessageHasher() *chunk.Hasher { return o.objects.Codec.Keys.Message.New() }

// AccountDir returns the folder of an account's manifests, which does not reveal the account's
// name.
func (o *opened) AccountDir(account string) string {
	id := o.objects.Codec.Keys.Account.Sum([]byte(account))
	return hex.EncodeToString(id[:16])
}

// WordsKey returns the key for an index of the words of messages on this host. Only a key that can
// read mail has it, and it changes when the keys are rotated.
func (o *opened) WordsKey() (key [32]byte, err error) {
	secret := o.access.Held.Secret[:]
	if o.Sealed() {
		if len(o.access.Held.Readers) == 0 {
			return key, fmt.Errorf("searching mail needs the owner's key, not a writer's: %w", ErrNoRole)
		}
		secret = []byte(o.access.Held.Readers[0])
	}
	h := blake3.NewDeriveKey(format.ContextWords)
	h.Write(o.objects.Codec.Repository[:])
	h.Write(secret)
	h.Sum(key[:0])
	return key, nil
}

// NameUnder returns the name that a manifest would have under another account.
func (o *opened) NameUnder(h Head, account string) string {
	return format.ManifestName(o.AccountDir(account), h.Time, h.ID)
}

// Slot describes a key slot.
type Slot = access.Slot

// Role is what a key slot allows.
type Role = access.Role

// The roles.
const (
	RoleOwner  = access.RoleOwner  // reads mail, archives, and signs what removes
	RoleWriter = access.RoleWriter // archives, deduplicates, lists and compares, but can neither read mail nor remove
)

// Slots returns the key slots that the config lists.
func (o *opened) Slots(ctx context.Context) ([]Slot, error) { return o.access.Slots(ctx) }

// AddSlot makes a key slot of a role, sealed to a recipient. It needs the owner's key.
func (o *opened) AddSlot(
	ctx context.Context, role Role, recipient age.Recipient, label string,
) (name string, err error) {
	return o.access.AddSlot(ctx, role, recipient, label)
}

// RemoveSlot removes a key slot from the config and deletes its object. It does not remove the last
// slot of an owner. A person who opened the slot before may have kept the secrets; see Rotate. If
// the error is ErrRetained, the slot no longer counts, but its object stays in the store.
func (o *opened) RemoveSlot(ctx context.Context, name string) error {
	return o.access.RemoveSlot(ctx, name)
}

// RejectedConfigs returns the configs that Open passed over because they do not open with this key:
// someone else put them there, or the keys were rotated without this one.
func (o *opened) RejectedConfigs() []Problem { return o.access.Rejected() }

// Rotation says how to change a repository's keys.
type Rotation = access.Rotation

// Rotate draws new reader and writer identities, and makes every slot again with the old and the
// new ones. Objects that are stored do not change, and a removed key that knew the old identities
// can still read them, but not what is stored from now on. Rotate returns the objects of old slots
// that the store retains.
//
// The secret stays the same: chunk IDs depend on it, and with another one all mail would be stored
// again.
func (s *statements) Rotate(ctx context.Context, o Rotation) (retained []string, err error) {
	return s.access.Rotate(ctx, o, s.signAgain)
}
