package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Config is the content of an object in config/.
type Config struct {
	Number     uint64    `cbor:"1,keyasint"`
	Created    uint64    `cbor:"2,keyasint"`
	Polynomial uint64    `cbor:"3,keyasint"`
	Readers    []string  `cbor:"4,keyasint,omitempty"`
	Writers    []string  `cbor:"5,keyasint,omitempty"`
	Keeper     [32]byte  `cbor:"6,keyasint"`
	Slots      []SlotRow `cbor:"7,keyasint"`
	Lock       *lockRow  `cbor:"8,keyasint,omitempty"`

	LockedSince uint64 `cbor:"9,keyasint,omitempty"` // see Lock.Since

	Ext format.Extensions `cbor:"63,keyasint,omitempty"`
}

// SlotRow describes a key slot in the config. An object in keys/ without a row is no key slot.
type SlotRow struct {
	_         struct{} `cbor:",toarray"`
	Hash      [32]byte
	Role      Role
	Created   uint64
	Recipient []byte // as text; empty for a passphrase, or if nothing is sealed
	Label     []byte
}

// Name returns the name of the slot's object.
func (s *SlotRow) Name() string { return slotName(s.Role, s.Hash) }

// SetLock sets a lock that was made longer.
func (c *Config) SetLock(l *objectlock.Lock) {
	c.Lock, c.LockedSince = rowOf(l), uint64(l.Since.Unix())
}

// lockRow is a Lock as the config holds it.
type lockRow struct {
	_          struct{} `cbor:",toarray"`
	Days       uint64
	Compliance bool
	ByDefault  bool
}

func rowOf(l *objectlock.Lock) *lockRow {
	if l == nil {
		return nil
	}
	return &lockRow{Days: uint64(l.Days), Compliance: l.Compliance, ByDefault: l.ByDefault}
}

// ObjectLock returns the Lock of the row. It is the inverse of rowOf.
func (c *Config) ObjectLock() *objectlock.Lock {
	if c.Lock == nil {
		return nil
	}
	l := &objectlock.Lock{Days: int(c.Lock.Days), Compliance: c.Lock.Compliance, ByDefault: c.Lock.ByDefault}
	if c.LockedSince > 0 {
		l.Since = time.Unix(int64(c.LockedSince), 0)
	}
	return l
}

// ParseConfig parses a config, and checks that a writer can have made it.
func ParseConfig(content []byte) (*Config, error) {
	c := new(Config)
	if err := format.Decode(content, c); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return c, c.check()
}

// check returns an error if no writer makes such a config.
func (c *Config) check() error {
	if c.Number == 0 || c.Number > format.MaxConfigNumber {
		return format.Damaged("config number %d", c.Number)
	}
	if (len(c.Readers) == 0) != (len(c.Writers) == 0) {
		return format.Damaged("a config that seals mail but not the catalog, or the reverse")
	}
	if !slices.ContainsFunc(c.Slots, func(s SlotRow) bool { return s.Role == RoleOwner }) {
		return format.Damaged("a config without an owner")
	}
	if c.Lock != nil && c.Lock.Days > objectlock.MaxDays || c.ObjectLock().Check() != nil {
		return format.Damaged("config: a lock of %d days", c.Lock.Days)
	}
	if c.Lock == nil && c.LockedSince > 0 || c.LockedSince > 1<<40 {
		return format.Damaged("config: lengthened at %d, without a lock", c.LockedSince)
	}
	if err := chunk.Polynomial(c.Polynomial).Check(); err != nil {
		return format.Damaged("config: %v", err)
	}
	return nil
}

// Lists reports whether a slot counts, by the name of its object.
func (c *Config) Lists(slot string) bool {
	return slices.ContainsFunc(c.Slots, func(s SlotRow) bool { return s.Name() == slot })
}

// configNames lists the configs, the one that counts first: the highest number, or of equal numbers
// the smallest hash. Hidden configs count only if all are hidden.
func configNames(ctx context.Context, store store.Store) (names []string, err error) {
	var hidden []string
	for o, err := range store.List(ctx, format.KindConfig.Folder()) {
		if err != nil {
			return nil, fmt.Errorf("look for a repository: %w", err)
		}
		switch _, ok := format.ParseConfigName(o.Name); {
		case ok && o.Hidden:
			hidden = append(hidden, o.Name)
		case ok:
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		names = hidden
	}
	if len(names) == 0 {
		return nil, ErrNoRepository
	}
	slices.SortFunc(names, func(a, b string) int {
		x, _ := format.ParseConfigName(a)
		y, _ := format.ParseConfigName(b)
		return cmp.Or(cmp.Compare(y, x), cmp.Compare(a, b))
	})
	return names, nil
}

// takeConfig opens a config with the secrets of the slot. The slot's keeper must have signed it,
// and it must list the slot.
func (a *Access) takeConfig(name string, stored []byte) error {
	content, err := a.Objects.Codec.Parse(stored, format.KindConfig, a.Objects.Seals.Writer)
	if err != nil {
		return err
	}
	payload, err := statement.Open(content, format.KindConfig, a.Objects.Codec.Repository, a.Held.Keeper)
	if err != nil {
		return err
	}
	c, err := ParseConfig(payload)
	if err != nil {
		return err
	}
	if number, _ := format.ParseConfigName(name); number != c.Number {
		return format.Damaged("its content has the number %d", c.Number)
	}
	if err := a.useConfig(c); err != nil {
		return err
	}
	a.configName = name
	return nil
}

// useConfig uses a config, if it agrees with the slot.
func (a *Access) useConfig(c *Config) (err error) {
	a.Config = *c
	if a.Objects.Seals.Readers, err = keys.ParseRecipients(c.Readers); err != nil {
		return err
	}
	if a.Objects.Seals.Writers, err = keys.ParseRecipients(c.Writers); err != nil {
		return err
	}
	switch {
	case a.Objects.Seals.Sealed() != (a.Objects.Seals.Writer != nil):
		return fmt.Errorf("the config and the key slot disagree about whether objects are sealed: %w", pin.ErrSwapped)
	case a.Held.Keeper != c.Keeper:
		return fmt.Errorf("the config names another keeper than the key slot: %w", pin.ErrSwapped)
	case c.Number < a.Held.Number:
		return fmt.Errorf("it is older than the key slot, which belongs to config %d: %w",
			a.Held.Number, pin.ErrSwapped)
	case a.slotName != "" && !c.Lists(a.slotName):
		return fmt.Errorf("it does not list %s: %w", a.slotName, ErrRemoved)
	}
	a.Cutter, err = chunk.NewCutter(chunk.Polynomial(c.Polynomial))
	return err
}

// findConfig uses the first config that the slot confirms. An attacker who can put objects, but has
// no key, must not lock the owner out with a config of a high number. So readers pass over what is
// not the repository's. But a config that does not open may be a newer one, for rotated keys, so
// writers stop (NoneRejected).
func (a *Access) findConfig(names []string, fetch func(name string) ([]byte, error)) error {
	var first error
	for _, name := range names {
		stored, err := fetch(name)
		if err == nil {
			err = a.takeConfig(name, stored)
		}
		if err == nil {
			return nil
		}
		err = fmt.Errorf("read %s: %w", name, err)
		if !objects.Concerns(err) && !errors.Is(err, pin.ErrSwapped) && !errors.Is(err, ErrRemoved) {
			return err
		}
		if first == nil {
			first = err
		}
		if errors.Is(err, ErrRemoved) {
			return err // the keeper signed it, so older configs no longer count
		}
		a.rejected = append(a.rejected, objects.Problem{Kind: objects.Broken, Object: name, Err: errors.Unwrap(err)})
	}
	return first
}

// Rejected returns the configs that Open passed over because they do not open with this key:
// someone else put them there, or the keys were rotated without this one.
func (a *Access) Rejected() []objects.Problem { return a.rejected }

// NoneRejected returns an error if a config was rejected, unless the user vouches for the
// repository. Writers call it first.
func (a *Access) NoneRejected() error {
	if len(a.rejected) == 0 || a.Host.Trust != "" {
		return nil
	}
	return fmt.Errorf("%w: %v; mailstrata writes nothing until you settle this", ErrConfigRejected, a.rejected[0])
}
