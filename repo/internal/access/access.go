package access

import (
	"crypto/ed25519"
	"encoding/hex"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Access holds the key slot and the config of an open repository, with their keys and recipients.
// It opens them, and replaces them when the keys or the lock change.
type Access struct {
	Objects *objects.Objects
	Held    *Secrets           // of the key slot that opened it
	Keeper  ed25519.PrivateKey // nil if the slot has none
	Config  Config
	Cutter  *chunk.Cutter
	Host    Host

	slotName, configName string            // names of the objects that opened it
	rejected             []objects.Problem // configs that Open passed over
}

// Host says what this host remembers of the repository: see repo.Options.
type Host struct{ StateDir, Location, Trust string }

// Pin returns what this host remembers of the repository, beside the repository as it is now.
func (a *Access) Pin() *pin.Pin {
	return pin.New(a.Host.StateDir, pin.Repository{
		Location: a.Host.Location, ID: a.ID(), Fingerprint: a.Fingerprint(), Number: a.Config.Number,
	})
}

// ID returns the repository's ID in hexadecimal.
func (a *Access) ID() string { return hex.EncodeToString(a.Objects.Codec.Repository[:]) }

// Fingerprint returns a short hash of the repository's ID, keys and keeper. Recipients and key
// slots may change, by a config that the keeper signs.
func (a *Access) Fingerprint() string {
	h := blake3.NewDeriveKey(format.ContextFingerprint)
	h.Write(a.Objects.Codec.Repository[:])
	h.Write(a.Objects.Codec.Keys.ID[:])
	h.Write(a.Config.Keeper[:])
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Sealed reports whether objects are sealed.
func (a *Access) Sealed() bool { return a.Objects.Seals.Sealed() }

// CanRead reports whether the key can read mail, and not only archive it.
func (a *Access) CanRead() bool { return !a.Sealed() || a.Objects.Seals.Reader != nil }

// Verify opens a statement of the keeper's.
func (a *Access) Verify(kind format.Kind, content []byte) (payload []byte, err error) {
	return statement.Open(content, kind, a.Objects.Codec.Repository, a.Config.Keeper)
}
