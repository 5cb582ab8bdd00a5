package repo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Slot describes a key slot.
type Slot struct {
	ID        string // the first digits of its hash
	Name      string // of its object
	Role      Role
	Kind      string // what opens it: "passphrase", "age", "age, hybrid", "ssh-ed25519", "ssh-rsa", or "nothing"
	Recipient string // to which it is sealed; empty for a passphrase
	Label     string
	Made      time.Time // by the store's clock
	Current   bool      // it opened the repository
	Missing   bool      // the store does not have it
}

const slotDigits = 8 // of an ID

func (a *access) slotOf(row *slotRow) Slot {
	s := Slot{
		ID: hex.EncodeToString(row.Hash[:])[:slotDigits], Name: row.name(), Role: row.Role,
		Kind: keys.RecipientKind(string(row.Recipient)), Recipient: string(row.Recipient), Label: string(row.Label),
		Made: time.Unix(int64(row.Created), 0), Current: row.name() == a.slotName,
	}
	if !a.Sealed() {
		s.Kind = "nothing"
	}
	return s
}

// Slots returns the key slots that the config lists.
func (a *access) Slots(ctx context.Context) ([]Slot, error) {
	stored := map[string]bool{}
	for o, err := range a.objects.List(ctx, format.KindKey, "key slots") {
		if err != nil {
			return nil, err
		}
		stored[o.Name] = true
	}
	var slots []Slot
	for i := range a.config.Slots {
		s := a.slotOf(&a.config.Slots[i])
		s.Missing = !stored[s.Name]
		slots = append(slots, s)
	}
	return slots, nil
}

// AddSlot makes a key slot of a role, sealed to a recipient. It needs the owner's key.
func (a *access) AddSlot(ctx context.Context, role Role, recipient age.Recipient, label string) (name string, err error) {
	next, err := a.nextKeys(ctx)
	if err != nil {
		return "", err
	}
	now, err := a.objects.Now(ctx)
	if err != nil {
		return "", err
	}
	row, err := a.putSlot(ctx, a.held, slotRow{Role: role, Created: uint64(now.Unix()), Label: []byte(label)}, recipient, next.Number)
	if err != nil {
		return "", err
	}
	next.Slots = append(next.Slots, *row)
	return row.name(), a.replaceConfig(ctx, next, a.held, a.slotName)
}

// putSlot stores a slot as row describes it, with secrets of the owner, for the config of a number. That config must list the row
// that putSlot returns.
func (a *access) putSlot(ctx context.Context, owner *slot, row slotRow, recipient age.Recipient, number uint64) (*slotRow, error) {
	text, err := keys.RecipientText(recipient)
	if err != nil {
		return nil, err
	}
	content, err := format.Encode(owner.share(row, number))
	if err != nil {
		return nil, err
	}
	var recipients []age.Recipient
	if recipient != nil {
		recipients = []age.Recipient{recipient}
	}
	stored, hash, err := a.objects.Codec.Build(format.KindKey, content, recipients)
	if err != nil {
		return nil, err
	}
	row.Hash, row.Recipient = hash, []byte(text)
	return &row, a.objects.Put(ctx, row.name(), stored)
}

// share returns another slot, with the secrets that its role has.
func (s *slot) share(row slotRow, number uint64) *slot {
	shared := &slot{
		Role: row.Role, Created: row.Created, Label: row.Label, Number: number,
		Secret: s.Secret, Writers: s.Writers, Keeper: s.Keeper,
	}
	if row.Role == RoleOwner {
		shared.Readers, shared.Seed = s.Readers, s.Seed
	}
	return shared
}

func slotName(role Role, hash [32]byte) string {
	return strings.Replace(format.ObjectName(format.KindKey, hash), "/", "/"+string(role)+"-", 1)
}

// RemoveSlot removes a key slot from the config and deletes its object. It does not remove the last slot of an owner. A person who opened
// the slot before may have kept the secrets; see Rotate. If the error is ErrRetained, the slot no longer counts, but its object
// stays in the store.
func (a *access) RemoveSlot(ctx context.Context, name string) error {
	slots, err := a.Slots(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(slots, func(s Slot) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("%s: no such key slot", name)
	}
	isOther := func(s Slot) bool { return s.Role == RoleOwner && s.Name != name && !s.Missing }
	if slots[i].Role == RoleOwner && !slices.ContainsFunc(slots, isOther) {
		return fmt.Errorf("%s is the only owner's key: without it no one could read the mail", slots[i].ID)
	}
	next, err := a.nextKeys(ctx)
	if err != nil {
		return err
	}
	next.Slots = slices.Delete(next.Slots, i, i+1)
	current := a.slotName
	if name == current {
		current = ""
	}
	if err := a.replaceConfig(ctx, next, a.held, current); err != nil {
		return err
	}
	return a.deleteSlot(ctx, name)
}

func (a *access) deleteSlot(ctx context.Context, name string) error {
	if err := a.objects.Store.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// nextKeys is nextConfig for changes of the keys.
func (a *access) nextKeys(ctx context.Context) (*config, error) {
	if !a.Sealed() {
		return nil, errors.New("this repository is not sealed: it has no keys")
	}
	return a.nextConfig(ctx)
}

// nextConfig returns a copy of the config, with the next number.
func (a *access) nextConfig(ctx context.Context) (*config, error) {
	if a.keeper == nil {
		return nil, fmt.Errorf("changing the config needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := a.noneRejected(); err != nil {
		return nil, err
	}
	newest, err := a.newestConfig(ctx)
	if err != nil {
		return nil, err
	}
	next := a.config
	next.Slots = slices.Clone(next.Slots)
	highest, _ := format.ParseConfigName(newest)
	if next.Number = highest + 1; next.Number > format.MaxConfigNumber {
		return nil, fmt.Errorf("no config number follows that of %s: delete it if it is not yours", newest)
	}
	return &next, nil
}

// newestConfig returns the name of the newest config: this one, or one that was rejected. If another came in the meantime, the error
// is ErrKeysChanged.
func (a *access) newestConfig(ctx context.Context) (string, error) {
	names, err := configNames(ctx, a.objects.Store)
	if err != nil {
		return "", err
	}
	isKnown := func(p Problem) bool { return p.Object == names[0] }
	if names[0] != a.configName && !slices.ContainsFunc(a.rejected, isKnown) {
		return "", fmt.Errorf("%w: %s came since", ErrKeysChanged, names[0])
	}
	return names[0], nil
}

// replaceConfig puts the next config, and uses it and the owner's slot from then on. If two hosts do so at once, one config counts,
// and the other host gets ErrKeysChanged. Nothing else may use r in the meantime.
func (a *access) replaceConfig(ctx context.Context, next *config, held *slot, slotName string) error {
	if err := next.check(); err != nil {
		return err
	}
	name, err := a.putConfig(ctx, next, ed25519.NewKeyFromSeed(held.Seed))
	if err != nil {
		return err
	}
	names, err := configNames(ctx, a.objects.Store)
	if err != nil {
		return err
	}
	for _, other := range names {
		if number, _ := format.ParseConfigName(other); number >= next.Number && other != name {
			return fmt.Errorf("%w: %s came at the same time", ErrKeysChanged, other)
		}
	}
	a.configName, a.slotName, a.rejected = name, slotName, nil
	if err := errors.Join(a.useSlot(held), a.useConfig(next)); err != nil {
		return err
	}
	return a.pin().Refresh()
}

func (a *access) putConfig(ctx context.Context, c *config, keeper ed25519.PrivateKey) (name string, err error) {
	content, err := statement.Sign(format.KindConfig, a.objects.Codec.Repository, keeper, c)
	if err != nil {
		return "", err
	}
	recipients, err := keys.ParseRecipients(c.Writers)
	if err != nil {
		return "", err
	}
	stored, hash, err := a.objects.Codec.Build(format.KindConfig, content, recipients)
	if err != nil {
		return "", err
	}
	name = format.ConfigName(c.Number, hash)
	return name, a.objects.Put(ctx, name, stored)
}

// opensWith reports whether an identity opens a stored slot.
func opensWith(stored []byte, id age.Identity) (bool, error) {
	_, err := age.Decrypt(bytes.NewReader(stored), id)
	if err == nil {
		return true, nil
	}
	if err = format.UnsealError(err); errors.Is(err, format.ErrNotMine) {
		return false, nil
	}
	return false, err
}
