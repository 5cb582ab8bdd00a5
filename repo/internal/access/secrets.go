package access

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/keys"
)

// The contexts of the keys that seal what a host keeps: of mail, and of all else. They never leave
// the host, so they are not part of the format.
const (
	contextReader = "mailstrata v1 excerpts on this host"
	contextWriter = "mailstrata v1 objects on this host"
)

// Role is what a key slot allows.
type Role string

// The roles. Part of the durable format.
const (
	// RoleOwner reads mail, archives, and signs what removes.
	RoleOwner Role = "owner"

	// RoleWriter archives, deduplicates, lists and compares, but can neither read mail nor remove.
	RoleWriter Role = "writer"
)

// Secrets is the content of a key slot, an object in keys/: the secrets that a role has.
type Secrets struct {
	Role    Role              `cbor:"1,keyasint"`
	Created uint64            `cbor:"2,keyasint"`
	Label   []byte            `cbor:"3,keyasint,omitempty"`
	Secret  format.Secret     `cbor:"4,keyasint"`
	Writers []string          `cbor:"5,keyasint,omitempty"` // age identities, the newest first
	Readers []string          `cbor:"6,keyasint,omitempty"` // likewise
	Seed    []byte            `cbor:"7,keyasint,omitempty"` // the keeper's
	Keeper  [32]byte          `cbor:"8,keyasint"`           // must have signed the config
	Number  uint64            `cbor:"9,keyasint"`           // of the config when this was made; an older config does not count
	Ext     format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Format implements fmt.Formatter, as secret does.
func (*Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "key slot") }

func parseSecrets(content []byte) (*Secrets, error) {
	s := new(Secrets)
	if err := format.Decode(content, s); err != nil {
		return nil, fmt.Errorf("key slot: %w", err)
	}
	switch {
	case s.Role != RoleOwner && s.Role != RoleWriter:
		return nil, fmt.Errorf("a key slot for the role %q: %w", s.Role, format.ErrNewer)
	case !s.asItsRole():
		return nil, format.Damaged("a key slot that is not as its role %q has it", s.Role)
	}
	return s, nil
}

func (s *Secrets) asItsRole() bool {
	if s.Number == 0 || s.Number > format.MaxConfigNumber {
		return false
	}
	if s.Role == RoleWriter {
		return len(s.Readers) == 0 && len(s.Seed) == 0
	}
	return len(s.Seed) == ed25519.SeedSize && (len(s.Writers) == 0) == (len(s.Readers) == 0) &&
		bytes.Equal(publicKey(s.Seed), s.Keeper[:])
}

func publicKey(seed []byte) []byte { return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey) }

// openSlot opens an object in keys/. Only its own secret authenticates it so far: the config must
// confirm that it is a slot of the repository.
func openSlot(stored storedSlot, d *format.FrameDecoder, ids []age.Identity) (*Access, error) {
	plain := stored.bytes
	if format.IsSealed(plain) {
		var err error
		if plain, err = unsealAny(plain, ids); err != nil {
			return nil, err
		}
	}
	c, err := format.ParseContainer(bytes.NewReader(plain), int64(len(plain)), nil)
	if err != nil {
		return nil, err
	}
	content, err := c.Content(d)
	if err != nil {
		return nil, err
	}
	s, err := parseSecrets(content)
	if err != nil {
		return nil, err
	}
	a := &Access{
		Objects:  &objects.Objects{Codec: format.NewCodec(c.Head.Repository, s.Secret.Keys(), d)},
		slotName: stored.name,
	}
	if err := errors.Join(c.CheckKind(format.KindKey, a.Objects.Codec.Repository), c.CheckTag(&a.Objects.Codec.Keys)); err != nil {
		return nil, err
	}
	return a, a.useSecrets(s)
}

func unsealAny(stored []byte, ids []age.Identity) ([]byte, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("sealed to another key: %w", format.ErrNotMine)
	}
	return format.Unseal(stored, keys.Identities(ids))
}

// useSecrets uses the secrets of a slot.
func (a *Access) useSecrets(s *Secrets) (err error) {
	a.Held = s
	if len(s.Seed) > 0 {
		a.Keeper = ed25519.NewKeyFromSeed(s.Seed)
	}
	if a.Objects.Seals.Writer, err = keys.ParseIdentities(s.Writers); err != nil {
		return err
	}
	a.Objects.Seals.LocalWriter = localseal.NewKey(contextWriter, s.Secret, s.Writers)
	if s.Role == RoleOwner {
		a.Objects.Seals.LocalReader = localseal.NewKey(contextReader, s.Secret, s.Readers)
	}
	a.Objects.Seals.Reader, err = keys.ParseIdentities(s.Readers)
	return err
}
