package repo

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/zeebo/blake3"
)

// access holds the key slot and the config of an open repository, with their keys and recipients. It opens them, and replaces
// them when the keys or the lock change.
type access struct {
	objects *objects.Objects
	held    *slot              // the key slot that opened it
	keeper  ed25519.PrivateKey // nil if the slot has none
	config  config
	cutter  *chunk.Cutter
	options Options

	slotName, configName string    // names of the objects that opened it
	rejected             []Problem // configs that Open passed over
}

// pin returns what this host remembers of the repository, beside the repository as it is now.
func (a *access) pin() *pin.Pin {
	return pin.New(a.options.StateDir, pin.Repository{
		Location: a.options.Location, ID: a.ID(), Fingerprint: a.Fingerprint(), Number: a.config.Number,
	})
}

// ID returns the repository's ID in hexadecimal.
func (a *access) ID() string { return hex.EncodeToString(a.objects.Codec.Repository[:]) }

// Fingerprint returns a short hash of the repository's ID, keys and keeper. Recipients and key slots may change, by a config that
// the keeper signs.
func (a *access) Fingerprint() string {
	h := blake3.NewDeriveKey(format.ContextFingerprint)
	h.Write(a.objects.Codec.Repository[:])
	h.Write(a.objects.Codec.Keys.ID[:])
	h.Write(a.config.Keeper[:])
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Sealed reports whether objects are sealed.
func (a *access) Sealed() bool { return a.objects.Seals.Sealed() }

// CanRead reports whether the key can read mail, and not only archive it.
func (a *access) CanRead() bool { return !a.Sealed() || a.objects.Seals.Reader != nil }

// CanRemove reports whether the key can sign what removes.
func (a *access) CanRemove() bool { return a.keeper != nil }

// Cutter returns the Cutter with the repository's polynomial.
func (a *access) Cutter() *chunk.Cutter { return a.cutter }

// ChunkKey returns the key of chunk IDs.
func (a *access) ChunkKey() chunk.Key { return a.objects.Codec.Keys.Chunk }

// MessageKey returns the key of message hashes.
func (a *access) MessageKey() chunk.Key { return a.objects.Codec.Keys.Message }

// MessageHasher returns a hasher for a message that comes in pieces.
func (a *access) MessageHasher() *chunk.Hasher { return a.objects.Codec.Keys.Message.New() }

// AccountDir returns the folder of an account's manifests, which does not reveal the account's name.
func (a *access) AccountDir(account string) string {
	id := a.objects.Codec.Keys.Account.Sum([]byte(account))
	return hex.EncodeToString(id[:16])
}

// WordsKey returns the key for an index of the words of messages on this host. Only a key that can read mail has it, and it
// changes when the keys are rotated.
func (a *access) WordsKey() (key [32]byte, err error) {
	secret := a.held.Secret[:]
	if a.Sealed() {
		if len(a.held.Readers) == 0 {
			return key, fmt.Errorf("searching mail needs the owner's key, not a writer's: %w", ErrNoRole)
		}
		secret = []byte(a.held.Readers[0])
	}
	h := blake3.NewDeriveKey(format.ContextWords)
	h.Write(a.objects.Codec.Repository[:])
	h.Write(secret)
	h.Sum(key[:0])
	return key, nil
}

// NameUnder returns the name that a manifest would have under another account.
func (a *access) NameUnder(h Head, account string) string {
	return format.ManifestName(a.AccountDir(account), h.Time, h.ID)
}
