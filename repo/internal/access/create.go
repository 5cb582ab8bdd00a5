package access

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// InitOptions say what repository to make, as those of package repo. Unless NoSeal is set, there
// must be a passphrase or an owner.
type InitOptions struct {
	NoSeal     bool             // objects are not sealed, so that everyone who can read the store can read the mail
	Passphrase []byte           // opens an owner's slot; nil for no such slot
	Owners     []age.Recipient  // key files that open an owner's slot
	Writers    []age.Recipient  // key files that open a writer's slot
	Polynomial chunk.Polynomial // 0 for a random one
	Lock       *objectlock.Lock // how long the store, a Retainer, retains objects; nil for no lock
	ScryptWork int              // 2^n steps to try a passphrase; 0 for age's default
}

// Init makes a repository in an empty store, and opens it as its owner. Objects has no cache yet.
// It puts the config last: before that there is no repository, and Init may be called again. If two
// calls run at once, the config with the smaller hash wins, and the other call fails.
func Init(ctx context.Context, s store.Store, o InitOptions) (*Access, error) {
	if !o.NoSeal && len(o.Passphrase) == 0 && len(o.Owners) == 0 {
		return nil, errors.New("a sealed repository needs a passphrase or a key file for its owner")
	}
	if o.NoSeal && (len(o.Passphrase) > 0 || len(o.Owners)+len(o.Writers) > 0) {
		return nil, errors.New("a repository without sealing takes neither passphrase nor key files")
	}
	if _, able := s.(store.Retainer); o.Lock != nil && !able {
		return nil, errors.New("this store cannot lock objects: use a bucket with Object Lock")
	}
	if err := o.Lock.Check(); err != nil {
		return nil, err
	}
	if err := vacant(ctx, s); err != nil {
		return nil, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the store for the time: %w", err)
	}
	a, err := newAccess(s, now, o)
	if err != nil {
		return nil, err
	}
	if err := a.initSlots(ctx, now, o); err != nil {
		return nil, err
	}
	// Deriving a key from a passphrase is slow on purpose, so another Init may have come first.
	if err := vacant(ctx, s); err != nil {
		return nil, err
	}
	return a, a.initConfig(ctx)
}

// vacant returns an error if there is a repository, or one that has lost its config.
func vacant(ctx context.Context, store store.Store) error {
	switch names, err := configNames(ctx, store); {
	case err == nil:
		return fmt.Errorf("%w: %s", ErrRepository, names[0])
	case !errors.Is(err, ErrNoRepository):
		return err
	}
	for o, err := range store.List(ctx, format.KindManifest.Folder()) {
		if err != nil {
			return fmt.Errorf("look for a repository: %w", err)
		}
		return fmt.Errorf("the store has no config, but holds archived mail (%s): "+
			"a new repository would make that unreadable; restore the object in config/, or use another location", o.Name)
	}
	return nil
}

// newAccess returns the access to a new repository, with new secrets.
func newAccess(store store.Store, now time.Time, o InitOptions) (a *Access, err error) {
	_, keeper, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("draw the keeper's key: %w", err)
	}
	held := &Secrets{Role: RoleOwner, Seed: keeper.Seed(), Keeper: [32]byte(publicKey(keeper.Seed())), Number: 1}
	rand.Read(held.Secret[:])
	decoder, err := format.NewFrameDecoder()
	if err != nil {
		return nil, err
	}
	a = &Access{Objects: &objects.Objects{Store: objectlock.New(store, o.Lock),
		Codec: format.NewCodec([16]byte{}, held.Secret.Keys(), decoder)}}
	rand.Read(a.Objects.Codec.Repository[:])
	c := Config{
		Number: 1, Created: uint64(now.Unix()), Polynomial: uint64(o.Polynomial), Keeper: held.Keeper,
		Lock: rowOf(o.Lock),
	}
	if c.Polynomial == 0 {
		p, err := chunk.RandomPolynomial()
		if err != nil {
			return nil, err
		}
		c.Polynomial = uint64(p)
	}
	if !o.NoSeal {
		reader, readerIdentity, err := keys.NewIdentity()
		if err != nil {
			return nil, err
		}
		writer, writerIdentity, err := keys.NewIdentity()
		if err != nil {
			return nil, err
		}
		c.Readers, held.Readers = []string{reader}, []string{readerIdentity}
		c.Writers, held.Writers = []string{writer}, []string{writerIdentity}
	}
	if err := a.useSecrets(held); err != nil {
		return nil, err
	}
	return a, a.useConfig(&c)
}

// initSlots puts the first slots, and lists them in the config.
func (a *Access) initSlots(ctx context.Context, now time.Time, o InitOptions) error {
	add := func(role Role, recipient age.Recipient, label string) error {
		row := SlotRow{Role: role, Created: uint64(now.Unix()), Label: []byte(label)}
		made, err := a.putSlot(ctx, a.Held, row, recipient, a.Config.Number)
		if err == nil {
			a.Config.Slots = append(a.Config.Slots, *made)
		}
		return err
	}
	if o.NoSeal {
		return add(RoleOwner, nil, "")
	}
	if len(o.Passphrase) > 0 {
		recipient, err := keys.PassphraseRecipient(o.Passphrase, o.ScryptWork)
		if err != nil {
			return err
		}
		if err := add(RoleOwner, recipient, ""); err != nil {
			return err
		}
	}
	for _, owner := range o.Owners {
		if err := add(RoleOwner, owner, "init"); err != nil {
			return err
		}
	}
	for _, writer := range o.Writers {
		if err := add(RoleWriter, writer, "init"); err != nil {
			return err
		}
	}
	return nil
}

// initConfig puts the config, and returns an error if another Init came first.
func (a *Access) initConfig(ctx context.Context) error {
	if err := a.Config.check(); err != nil {
		return err
	}
	name, err := a.putConfig(ctx, &a.Config, a.Keeper)
	if err != nil {
		return err
	}
	names, err := configNames(ctx, a.Objects.Store)
	if err != nil {
		return err
	}
	if names[0] != name {
		return fmt.Errorf("%w: another init won by %s", ErrRepository, names[0])
	}
	a.configName, a.slotName = name, a.Config.Slots[0].Name()
	return nil
}
