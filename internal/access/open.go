package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Open opens the repository that the user names.
func (h *Host) Open(ctx context.Context) (*repo.Repo, error) {
	l, err := h.Location("")
	if err != nil {
		return nil, err
	}
	return l.Open(ctx)
}

// passphraseTries is how often a user may mistype the passphrase.
const passphraseTries = 3

// Open opens the repository. If the user types the passphrase, it may be wrong a few times.
func (l *Location) Open(ctx context.Context) (*repo.Repo, error) {
	k := l.Keys()
	for tries := 1; ; tries++ {
		ask, asked := l.AskOnce(ctx), false
		k.Ask = func() ([]byte, error) {
			asked = true
			return ask()
		}
		r, err := l.OpenWith(ctx, k)
		if !errors.Is(err, repo.ErrWrongKey) || !asked || k.Given || tries == passphraseTries {
			return r, err
		}
		l.host.Output.Warn("wrong passphrase; try again")
		l.asked = nil // ask again
	}
}

// OpenWith opens the repository with these keys.
func (l *Location) OpenWith(ctx context.Context, k Keys) (*repo.Repo, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	store, err := l.Store(ctx)
	if err != nil {
		return nil, err
	}
	unlock, err := l.unlock(k)
	if err != nil {
		return nil, err
	}
	options, err := l.Options()
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, store, unlock, options)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", l, err)
	}
	l.introduce(r)
	return r, nil
}

// introduce reports what a user should know before they trust the repository.
func (l *Location) introduce(r *repo.Repo) {
	if cache, err := l.host.CacheDir(); err == nil && !strings.HasPrefix(r.CacheDir(), cache+string(filepath.Separator)) {
		l.host.Output.Warn("the cache %s cannot be written, so its data is fetched again each time; --cache-dir names another directory", ui.Safe(cache))
	}
	if err := r.NoLocks(); err != nil {
		l.host.Output.Warn("the file system of the state directory has no locks: do not run two commands with one repository at the same time on this host (%s)",
			ui.OneLine(err.Error()))
	}
	for _, doubt := range r.RejectedConfigs() {
		l.host.Output.Warn("%s was ignored: %s", doubt.Object, ui.OneLine(doubt.Err.Error()))
	}
	if r.Untrusted() && !l.Own {
		sealed := ""
		if !r.Sealed() {
			sealed = " It is not encrypted: anybody who can read it can read the mail."
		}
		l.host.Output.Note("note: this host has not seen this repository before. Its fingerprint is %s: compare it with what "+
			"mailstrata key list shows on a host that knows it.%s", r.Fingerprint(), sealed)
	}
}

// MayRead returns an error if the key cannot read mail.
func MayRead(r *repo.Repo) error {
	if !r.CanRead() {
		return fmt.Errorf("this command reads mail: %w", repo.ErrNoRole)
	}
	return nil
}

// Options returns the options for package repo: the directories of this host, and the trusted fingerprint.
func (l *Location) Options() (repo.Options, error) {
	cache, errCache := l.host.CacheDir()
	state, errState := l.host.StateDir()
	return repo.Options{CacheDir: cache, StateDir: state, Location: l.String(), Trust: cmp.Or(l.host.Flags.Trust, l.Configured.Trust)}, errors.Join(errCache, errState)
}

// TryPassphrase tests whether a passphrase opens the repository. It returns false if there is no repository to test it
// with.
func (l *Location) TryPassphrase(ctx context.Context, passphrase []byte) (tried bool, err error) {
	options, err := l.Options()
	if err != nil {
		return false, err
	}
	store, err := l.Store(ctx)
	if err == nil {
		var r *repo.Repo
		unlock := repo.Unlock{Passphrase: func() ([]byte, error) { return passphrase, nil }, Sealed: true}
		if r, err = repo.Open(ctx, store, unlock, options); err == nil {
			return true, r.Close()
		}
	}
	switch {
	case errors.Is(err, repo.ErrNoRepository):
		l.host.Output.Warn("it was not tested: there is no repository at %s yet", ui.Safe(l.String()))
		return false, nil
	case errors.Is(err, repo.ErrWrongKey):
		return false, &hint.Error{Text: "the passphrase does not open " + l.String() + "; nothing was stored", Hint: "a key file needs no passphrase: set key_file in the configuration", Err: err}
	}
	return false, fmt.Errorf("open repository %s: %w", l, err)
}

// OpenAsOwner opens the repository for a command that needs an owner's key.
func (h *Host) OpenAsOwner(ctx context.Context) (*repo.Repo, error) {
	r, err := h.Open(ctx)
	if err != nil {
		return nil, err
	}
	if !r.CanRemove() {
		r.Close()
		return nil, fmt.Errorf("this command needs an owner's key: %w", repo.ErrNoRole)
	}
	return r, nil
}

// OpenToChangeKeys opens the repository for a change of its keys.
func (h *Host) OpenToChangeKeys(ctx context.Context) (*repo.Repo, *Location, error) {
	l, err := h.Location("")
	if err != nil {
		return nil, nil, err
	}
	r, err := l.Open(ctx)
	switch {
	case err != nil:
		return nil, nil, err
	case !r.Sealed():
		err = errors.New("this repository is not encrypted, so it has no keys; create another one")
	case !r.CanRemove():
		err = fmt.Errorf("only an owner can change keys: %w", repo.ErrNoRole)
	default:
		return r, l, nil
	}
	return nil, nil, errors.Join(err, r.Close())
}
