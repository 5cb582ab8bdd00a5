package repo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
)

// InitOptions say what repository to make. Without NoSeal there must be a passphrase or an owner.
type InitOptions struct {
	Options

	NoSeal     bool             // objects are not sealed: who reads the store reads the mail
	Passphrase []byte           // opens an owner's slot; nil: there is none
	Owners     []age.Recipient  // of key files that open an owner's slot
	Writers    []age.Recipient  // of key files that open a writer's slot
	Polynomial chunk.Polynomial // 0: drawn at random
	ScryptWork int              // 2^n steps to try a passphrase; 0: age's own
}

// Init makes a repository in an empty store and opens it as its owner. The config is put last: until then there is no
// repository, and Init may be called again. Of two that were made at once the config with the smaller hash wins, and
// the other call fails.
func Init(ctx context.Context, store Store, o InitOptions) (*Repo, error) {
	if !o.NoSeal && len(o.Passphrase) == 0 && len(o.Owners) == 0 {
		return nil, errors.New("a sealed repository needs a passphrase or a key file for its owner")
	}
	if o.NoSeal && (len(o.Passphrase) > 0 || len(o.Owners)+len(o.Writers) > 0) {
		return nil, errors.New("a repository without sealing takes neither passphrase nor key files")
	}
	if err := vacant(ctx, store); err != nil {
		return nil, err
	}
	now, err := store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the store for the time: %w", err)
	}
	r, err := newRepo(store, now, o)
	if err != nil {
		return nil, err
	}
	if err := r.initSlots(ctx, now, o); err != nil {
		return nil, err
	}
	// Trying passphrases is made slow on purpose: meanwhile another may have come first.
	if err := vacant(ctx, store); err != nil {
		return nil, err
	}
	if err := r.putConfig(ctx); err != nil {
		return nil, err
	}
	o.Trust = r.Fingerprint() // whatever was here before is gone, and this was made on purpose
	return r, r.settle(o.Options, "")
}

// vacant checks that there is no repository, and none that merely lost its config.
func vacant(ctx context.Context, store Store) error {
	switch name, err := newestConfig(ctx, store); {
	case err == nil:
		return fmt.Errorf("%w: %s", ErrRepository, name)
	case !errors.Is(err, ErrNoRepository):
		return err
	}
	for o, err := range store.List(ctx, KindManifest.folder()) {
		if err != nil {
			return fmt.Errorf("look for a repository: %w", err)
		}
		return fmt.Errorf("the store has no config, but mail is archived in it (%s): "+
			"a new repository would make that unreadable; restore the object in config/ or use another place", o.Name)
	}
	return nil
}

// newRepo draws the secrets.
func newRepo(store Store, now time.Time, o InitOptions) (r *Repo, err error) {
	r = &Repo{store: store, role: RoleOwner}
	rand.Read(r.id[:])
	rand.Read(r.secret[:])
	r.keys = r.secret.keys()
	if r.decoder, err = newFrameDecoder(); err != nil {
		return nil, err
	}
	public, keeper, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("draw the keeper's key: %w", err)
	}
	r.keeper = keeper
	c := config{Number: 1, Created: uint64(now.Unix()), Polynomial: uint64(o.Polynomial), Keeper: [32]byte(public)}
	if c.Polynomial == 0 {
		p, err := chunk.RandomPolynomial()
		if err != nil {
			return nil, err
		}
		c.Polynomial = uint64(p)
	}
	if !o.NoSeal {
		if c.Readers, r.seals.reader, err = newIdentity(); err != nil {
			return nil, err
		}
		if c.Writers, r.seals.writer, err = newIdentity(); err != nil {
			return nil, err
		}
	}
	return r, r.use(&c)
}

// newIdentity draws an identity of the hybrid kind: what is sealed today must stay closed when there are quantum
// computers.
func newIdentity() (recipients []string, id age.Identity, err error) {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, nil, fmt.Errorf("draw an identity: %w", err)
	}
	return []string{hybrid.Recipient().String()}, hybrid, nil
}

func (r *Repo) initSlots(ctx context.Context, now time.Time, o InitOptions) error {
	add := func(role Role, recipient age.Recipient, label string) error {
		_, err := r.addSlot(ctx, now, role, recipient, label)
		return err
	}
	if o.NoSeal {
		return add(RoleOwner, nil, "")
	}
	if len(o.Passphrase) > 0 {
		recipient, err := passphraseRecipient(o.Passphrase, o.ScryptWork)
		if err != nil {
			return err
		}
		if err := add(RoleOwner, recipient, "passphrase"); err != nil {
			return err
		}
	}
	for _, owner := range o.Owners {
		if err := add(RoleOwner, owner, "key file"); err != nil {
			return err
		}
	}
	for _, writer := range o.Writers {
		if err := add(RoleWriter, writer, "key file"); err != nil {
			return err
		}
	}
	return nil
}

// putConfig makes the repository exist, and looks whether somebody else's does.
func (r *Repo) putConfig(ctx context.Context) error {
	content, err := encode(r.config)
	if err != nil {
		return err
	}
	stored, hash, err := r.build(KindConfig, content, r.seals.writers)
	if err != nil {
		return err
	}
	name := configName(r.config.Number, hash)
	if err := r.put(ctx, name, stored); err != nil {
		return err
	}
	winner, err := newestConfig(ctx, r.store)
	if err != nil {
		return err
	}
	if winner != name {
		return fmt.Errorf("%w: another init won by %s", ErrRepository, winner)
	}
	return nil
}
