package access

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// IsRepository reports whether there is a repository already. Where that cannot be told, create will.
func (l *Location) IsRepository(ctx context.Context) bool {
	store, err := l.Store(ctx)
	if err != nil {
		return false
	}
	r, err := repo.Open(ctx, store, repo.Unlock{}, repo.Options{})
	if err == nil { // not sealed
		_ = r.Close()
		return true
	}
	return errors.Is(err, repo.ErrWrongKey)
}

// mayBeRepository reports whether something of a repository may be in a store after Init failed. Then its key stays.
func mayBeRepository(ctx context.Context, store store.Store) bool {
	for _, prefix := range []string{"config/", "keys/"} {
		for range store.List(context.WithoutCancel(ctx), prefix) {
			return true // an object, or an error: what cannot be listed may be there
		}
	}
	return false
}

// Create makes the repository and completes its key file.
func (l *Location) Create(ctx context.Context, o repo.InitOptions, key *secret.KeyFile) (*repo.Repo, error) {
	store, err := l.newStore(ctx, o.Lock)
	if err != nil {
		key.Discard()
		return nil, err
	}
	o.ScryptWork = l.host.ScryptWork
	r, err := repo.Init(ctx, store, o)
	if err != nil {
		if !mayBeRepository(ctx, store) {
			key.Discard()
		}
		return nil, fmt.Errorf("make a repository in %s: %w", l, err)
	}
	if key != nil {
		if err := key.Complete(r); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// openOrMakeOwn opens the repository; the user's own is made where it is missing.
func (h *Host) OpenOrCreate(ctx context.Context, repository string) (*repo.Repo, *Location, error) {
	l, err := h.Location(repository)
	if err != nil {
		return nil, nil, err
	}
	r, err := l.Open(ctx)
	if l.Own && errors.Is(err, repo.ErrNoRepository) {
		r, err = l.createOwn(ctx)
	}
	return r, l, err
}

// makeOwn makes the repository of a user who named none: beside its key, which opens it from then on.
func (l *Location) createOwn(ctx context.Context) (*repo.Repo, error) {
	options, err := l.Options()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(l.ownKey), 0o700); err != nil {
		return nil, fmt.Errorf("make a directory for the repository: %w", err)
	}
	key, err := secret.CreateKeyFile(l.ownKey)
	if err != nil {
		return nil, err
	}
	r, err := l.Create(ctx, repo.InitOptions{Options: options, Owners: []age.Recipient{key.Identity.Recipient()}}, key)
	if err != nil {
		return nil, err
	}
	l.host.Output.Say("A repository was made for you: " + l.path)
	l.host.Output.Say("It is sealed to this key file: " + l.ownKey)
	l.host.Output.Say("WHO LOSES THE KEY LOSES THE ARCHIVE: keep a copy of it in another place.")
	return r, nil
}

// DescribeLock is a repository's lock in words; "" where there is none.
func DescribeLock(l *objectlock.Lock) string {
	switch {
	case l == nil:
		return ""
	case l.ByDefault:
		return fmt.Sprintf("%d days, %s, by the bucket's default retention", l.Days, l.Mode())
	}
	return fmt.Sprintf("%d days, %s, asked for with each object (s3:PutObjectRetention)", l.Days, l.Mode())
}
