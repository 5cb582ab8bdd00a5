package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// IsRepository reports whether there is a repository already. If that is not known, it returns
// false, and Create will fail.
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
	return errors.Is(err, repo.ErrWrongKey) || errors.Is(err, repo.ErrNoSlots) || errors.Is(err, repo.ErrNoOtherSlot)
}

// mayBeRepository reports whether a store may hold part of a repository after Init failed. Then its
// key file stays.
func mayBeRepository(ctx context.Context, store store.Store) bool {
	for _, prefix := range []string{"config/", "keys/"} {
		for range store.List(context.WithoutCancel(ctx), prefix) {
			return true // an object, or an error: what cannot be listed may be there
		}
	}
	return false
}

// Prepare tests that a new repository can be here. It makes the directory or the bucket if that is
// missing.
func (l *Location) Prepare(ctx context.Context) error {
	store, err := l.newStore(ctx, nil)
	if err != nil {
		return err
	}
	if c, ok := store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// OpenBy opens the repository by one key or passphrase alone.
func (l *Location) OpenBy(ctx context.Context, unlock repo.Unlock) (*repo.Repo, error) {
	options, err := l.Options()
	if err != nil {
		return nil, err
	}
	store, err := l.Store(ctx)
	if err != nil {
		return nil, err
	}
	return repo.Open(ctx, store, unlock, options)
}

// Create creates the repository and completes its key file.
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
		return nil, fmt.Errorf("create a repository in %s: %w", l, err)
	}
	if key != nil {
		if err := key.Complete(r); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// OpenOrCreate opens the repository of a name. It creates the user's own repository if that is
// missing.
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

// createOwn creates the repository of a user who named none, and a key file beside it.
func (l *Location) createOwn(ctx context.Context) (*repo.Repo, error) {
	options, err := l.Options()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(l.ownKey), 0o700); err != nil {
		return nil, fmt.Errorf("create a directory for the repository: %w", err)
	}
	key, err := secret.CreateKeyFile(l.ownKey)
	if err != nil {
		return nil, err
	}
	r, err := l.Create(ctx, repo.InitOptions{Options: options, Owners: []age.Recipient{key.Identity.Recipient()}}, key)
	if err != nil {
		return nil, err
	}
	l.made = true
	l.host.Output.Say("Created a repository: " + l.path)
	l.host.Output.Say("Created its key file: " + l.ownKey)
	l.host.Output.Say("Keep a copy of this key somewhere else. Without it the archive cannot be read.")
	return r, nil
}

// Made reports whether this run created the repository, because the user named none.
func (l *Location) Made() bool { return l.made }

// DescribeLock returns the lock of a repository in words, or "".
func DescribeLock(l *objectlock.Lock) string {
	switch {
	case l == nil:
		return ""
	case l.ByDefault:
		return fmt.Sprintf("%d days, %s, by the bucket's default retention", l.Days, l.Mode())
	}
	return fmt.Sprintf("%d days, %s, set for each object (s3:PutObjectRetention)", l.Days, l.Mode())
}
