package repo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
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

// slot is the content of an object in keys/: the secrets of a role.
type slot struct {
	Role    Role       `cbor:"1,keyasint"`
	Created uint64     `cbor:"2,keyasint"`
	Label   []byte     `cbor:"3,keyasint,omitempty"`
	Secret  [32]byte   `cbor:"4,keyasint"`
	Writer  string     `cbor:"5,keyasint,omitempty"`
	Reader  string     `cbor:"6,keyasint,omitempty"`
	Keeper  []byte     `cbor:"7,keyasint,omitempty"`
	Ext     extensions `cbor:"63,keyasint,omitempty"`
}

func parseSlot(content []byte) (*slot, error) {
	s := new(slot)
	if err := decode(content, s); err != nil {
		return nil, fmt.Errorf("key slot: %w", err)
	}
	switch {
	case s.Role == RoleWriter && s.Reader == "" && len(s.Keeper) == 0:
	case s.Role == RoleOwner && len(s.Keeper) == ed25519.SeedSize && (s.Writer == "") == (s.Reader == ""):
	case s.Role != RoleOwner && s.Role != RoleWriter:
		return nil, fmt.Errorf("a key slot for the role %q: %w", s.Role, ErrNewer)
	default:
		return nil, damaged("a key slot that is not as its role %q has it", s.Role)
	}
	return s, nil
}

// openSlot opens an object in keys/. What it holds is proven by its own secret only: that it is the repository's slot,
// the config must confirm.
func openSlot(stored []byte, d *frameDecoder, ids ...age.Identity) (*Repo, error) {
	plain := stored
	if isSealed(stored) {
		var err error
		if plain, err = unsealAny(stored, ids); err != nil {
			return nil, err
		}
	}
	c, err := parseContainer(bytes.NewReader(plain), int64(len(plain)), nil)
	if err != nil {
		return nil, err
	}
	content, err := c.content(d)
	if err != nil {
		return nil, err
	}
	s, err := parseSlot(content)
	if err != nil {
		return nil, err
	}
	r := &Repo{id: c.head.Repository, role: s.Role, secret: s.Secret, keys: secret(s.Secret).keys(), decoder: d}
	if err := errors.Join(c.is(KindKey, r.id), c.signed(&r.keys)); err != nil {
		return nil, err
	}
	return r, r.takeSecrets(s)
}

func unsealAny(stored []byte, ids []age.Identity) ([]byte, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("sealed to another key: %w", ErrNotMine)
	}
	return unseal(stored, anyIdentity(ids))
}

// anyIdentity is a key file: it may hold several identities.
type anyIdentity []age.Identity

func (a anyIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, id := range a {
		key, err := id.Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func isSealed(stored []byte) bool { return bytes.HasPrefix(stored, []byte(ageIntro)) }

// byPassphrase reports whether an object in keys/ is sealed to a passphrase.
func byPassphrase(stored []byte) bool {
	return bytes.HasPrefix(stored, []byte(ageIntro+"-> scrypt "))
}

func (r *Repo) takeSecrets(s *slot) (err error) {
	if len(s.Keeper) > 0 {
		r.keeper = ed25519.NewKeyFromSeed(s.Keeper)
	}
	if s.Writer != "" {
		if r.seals.writer, err = parseIdentity(s.Writer); err != nil {
			return err
		}
	}
	if s.Reader != "" {
		r.seals.reader, err = parseIdentity(s.Reader)
	}
	return err
}

func parseIdentity(s string) (age.Identity, error) {
	ids, err := age.ParseIdentities(strings.NewReader(s))
	if err != nil || len(ids) != 1 {
		return nil, damaged("a key slot without an age identity where one must be") // never the text: it is secret
	}
	return ids[0], nil
}

// AddSlot makes a key slot: whoever opens it with the identity of recipient has the role. A slot of a role that the
// key at hand does not have cannot be made.
func (r *Repo) AddSlot(ctx context.Context, role Role, recipient age.Recipient, label string) (name string, err error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the store for the time: %w", err)
	}
	return r.addSlot(ctx, now, role, recipient, label)
}

// AddPassphrase is AddSlot for a passphrase. A work of 0 is age's own.
func (r *Repo) AddPassphrase(ctx context.Context, role Role, passphrase []byte, label string, work int) (string, error) {
	recipient, err := passphraseRecipient(passphrase, work)
	if err != nil {
		return "", err
	}
	return r.AddSlot(ctx, role, recipient, label)
}

func passphraseRecipient(passphrase []byte, work int) (age.Recipient, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, errors.New("the passphrase must not be empty")
	}
	if work > 0 {
		recipient.SetWorkFactor(work)
	}
	return recipient, nil
}

func (r *Repo) addSlot(ctx context.Context, now time.Time, role Role, recipient age.Recipient, label string) (string, error) {
	s := slot{Role: role, Created: uint64(now.Unix()), Label: []byte(label), Secret: r.secret}
	if err := r.giveSecrets(&s); err != nil {
		return "", err
	}
	content, err := encode(s)
	if err != nil {
		return "", err
	}
	var recipients []age.Recipient
	if recipient != nil {
		recipients = []age.Recipient{recipient}
	}
	stored, hash, err := r.build(KindKey, content, recipients)
	if err != nil {
		return "", err
	}
	name := slotName(role, hash)
	return name, r.put(ctx, name, stored)
}

func slotName(role Role, hash [32]byte) string {
	return strings.Replace(objectName(KindKey, hash), "/", "/"+string(role)+"-", 1)
}

// giveSecrets fills in what the role of s takes.
func (r *Repo) giveSecrets(s *slot) (err error) {
	if s.Role == RoleOwner && r.role != RoleOwner {
		return fmt.Errorf("make an owner's key slot: %w", ErrNoRole)
	}
	if r.seals.sealed() {
		if s.Writer, err = identityText(r.seals.writer); err != nil {
			return err
		}
	}
	if s.Role == RoleWriter {
		return nil
	}
	s.Keeper = r.keeper.Seed()
	if r.seals.sealed() {
		s.Reader, err = identityText(r.seals.reader)
	}
	return err
}

// identityText inverts parseIdentity.
func identityText(id age.Identity) (string, error) {
	switch id := id.(type) {
	case *age.HybridIdentity:
		return id.String(), nil
	case *age.X25519Identity:
		return id.String(), nil
	}
	return "", errors.New("not an age identity that can be written down")
}

// Slot is a key slot as it is listed.
type Slot struct {
	Name       string
	Role       Role
	Made       time.Time // by the store's clock
	Passphrase bool      // opened by a passphrase, else by a key file
	Sealed     bool
}

// Slots lists the key slots.
func (r *Repo) Slots(ctx context.Context) ([]Slot, error) {
	var slots []Slot
	for o, err := range r.store.List(ctx, KindKey.folder()) {
		if err != nil {
			return nil, fmt.Errorf("list the key slots: %w", err)
		}
		stored, err := fetch(ctx, r.store, o.Name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Name, err)
		}
		role, _, _ := strings.Cut(strings.TrimPrefix(o.Name, KindKey.folder()), "-")
		slots = append(slots, Slot{
			Name: o.Name, Role: Role(role), Made: o.Time,
			Passphrase: byPassphrase(stored), Sealed: isSealed(stored),
		})
	}
	return slots, nil
}

// RemoveSlot deletes a key slot. It takes the way in, not the knowledge: who opened the slot before may have kept the
// secrets. The last slot of an owner stays.
func (r *Repo) RemoveSlot(ctx context.Context, name string) error {
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	owners, found := 0, false
	for _, s := range slots {
		if s.Name == name {
			found = true
		} else if s.Role == RoleOwner {
			owners++
		}
	}
	switch {
	case !found:
		return fmt.Errorf("%s: no such key slot", name)
	case owners == 0:
		return fmt.Errorf("%s is the only owner's key slot: without it the mail could never be read again", name)
	}
	if err := r.store.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}
