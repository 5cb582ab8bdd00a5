package repo

import (
	"context"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// InitOptions say what repository to make. Unless NoSeal is set, there must be a passphrase or an
// owner.
type InitOptions struct {
	Options

	NoSeal     bool             // objects are not sealed, so that everyone who can read the store can read the mail
	Passphrase []byte           // opens an owner's slot; nil for no such slot
	Owners     []age.Recipient  // key files that open an owner's slot
	Writers    []age.Recipient  // key files that open a writer's slot
	Polynomial chunk.Polynomial // 0 for a random one
	Lock       *objectlock.Lock // how long the store, a Retainer, retains objects; nil for no lock
	ScryptWork int              // 2^n steps to try a passphrase; 0 for age's default
}

// Init makes a repository in an empty store and opens it as its owner. It puts the config last:
// before that there is no repository, and Init may be called again. If two calls run at once, the
// config with the smaller hash wins, and the other call fails.
func Init(ctx context.Context, s store.Store, o InitOptions) (*Repo, error) {
	a, err := access.Init(ctx, s, access.InitOptions{
		NoSeal: o.NoSeal, Passphrase: o.Passphrase, Owners: o.Owners, Writers: o.Writers,
		Polynomial: o.Polynomial, Lock: o.Lock, ScryptWork: o.ScryptWork,
	})
	if err != nil {
		return nil, err
	}
	o.Trust = a.Fingerprint() // this host may forget what was here before
	return newRepo(a, o.Options, "")
}
