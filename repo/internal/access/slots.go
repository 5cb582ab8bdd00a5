package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/keys"
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

func (a *Access) slotOf(row *SlotRow) Slot {
	s := Slot{
		ID: hex.EncodeToString(row.Hash[:])[:slotDigits], Name: row.Name(), Role: row.Role,
		Kind: keys.RecipientKind(string(row.Recipient)), Recipient: string(row.Recipient), Label: string(row.Label),
		Made: time.Unix(int64(row.Created), 0), Current: row.Name() == a.slotName,
	}
	if !a.Sealed() {
		s.Kind = "nothing"
	}
	return s
}

// Slots returns the key slots that the config lists.
func (a *Access) Slots(ctx context.Context) ([]Slot, error) {
	stored := map[string]bool{}
	for o, err := range a.Objects.List(ctx, format.KindKey, "key slots") {
		if err != nil {
			return nil, err
		}
		stored[o.Name] = true
	}
	var slots []Slot
	for i := range a.Config.Slots {
		s := a.slotOf(&a.Config.Slots[i])
		s.Missing = !stored[s.Name]
		slots = append(slots, s)
	}
	return slots, nil
}

// AddSlot makes a key slot of a role, sealed to a recipient. It needs the owner's key.
func (a *Access) AddSlot(
	ctx context.Context, role Role, recipient age.Recipient, label string,
) (name string, err error) {
	next, err := a.nextKeys(ctx)
	if err != nil {
		return "", err
	}
	now, err := a.Objects.Now(ctx)
	if err != nil {
		return "", err
	}
	row, err := a.putSlot(ctx, a.Held, SlotRow{Role: role, Created: uint64(now.Unix()), Label: []byte(label)},
		recipient, next.Number)
	if err != nil {
		return "", err
	}
	next.Slots = append(next.Slots, *row)
	return row.Name(), a.replaceConfig(ctx, next, a.Held, a.slotName)
}

// putSlot stores a slot as row describes it, with secrets of the owner, for the config of a number.
// That config must list the row that putSlot returns.
func (a *Access) putSlot(
	ctx context.Context, owner *Secrets, row SlotRow, recipient age.Recipient, number uint64,
) (*SlotRow, error) {
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
	stored, hash, err := a.Objects.Codec.Build(format.KindKey, content, recipients)
	if err != nil {
		return nil, err
	}
	row.Hash, row.Recipient = hash, []byte(text)
	return &row, a.Objects.Put(ctx, row.Name(), stored)
}

// share returns another slot, with the secrets that its role has.
func (s *Secrets) share(row SlotRow, number uint64) *Secrets {
	shared := &Secrets{
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

// RemoveSlot removes a key slot from the config and deletes its object. It does not remove the last
// slot of an owner. A person who opened the slot before may have kept the secrets; see Rotate. If
// the error is ErrRetained, the slot no longer counts, but its object stays in the store.
func (a *Access) RemoveSlot(ctx context.Context, name string) error {
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
	if err := a.replaceConfig(ctx, next, a.Held, current); err != nil {
		return err
	}
	return a.deleteSlot(ctx, name)
}

func (a *Access) deleteSlot(ctx context.Context, name string) error {
	if err := a.Objects.Store.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
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
