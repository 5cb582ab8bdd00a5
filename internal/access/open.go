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

// Open opens the repository that the user names, with the key that the user has.
func (h *Host) Open(ctx context.Context) (*repo.Repo, error) {
	l, err := h.Location("")
	if err != nil {
		return nil, err
	}
	return l.Open(ctx)
}

// passphraseTries is how often somebody at a terminal may mistype it.
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
		l.host.Output.Warn("this passphrase does not open it; once more, please")
		l.asked = nil // what was typed is forgotten
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

// introduce tells what somebody should know of a repository before he trusts it.
func (l *Location) introduce(r *repo.Repo) {
	if cache, err := l.host.CacheDir(); err == nil && !strings.HasPrefix(r.CacheDir(), cache+string(filepath.Separator)) {
		l.host.Output.Warn("nothing can be written to the cache %s: what it would hold is fetched again each time; --cache-dir names another", ui.Safe(cache))
	}
	if err := r.NoLocks(); err != nil {
		l.host.Output.Warn("the file system of the state directory has no locks: do not run two commands with one repository at the same time on this host (%s)",
			ui.OneLine(err.Error()))
	}
	for _, doubt := range r.Doubts() {
		l.host.Output.Warn("%s was passed over: %s", doubt.Object, ui.OneLine(doubt.Err.Error()))
	}
	if r.Unproven() && !l.Own {
		sealed := ""
		if !r.Sealed() {
			sealed = " It is not sealed: who can read it can read the mail."
		}
		l.host.Output.Note("note: this host has not seen this repository before. Its fingerprint is %s: compare it with what "+
			"mailstrata key list tells on a host that knows it.%s", r.Fingerprint(), sealed)
	}
}

// MayRead refuses, in time, what a writer's key cannot do.
func MayRead(r *repo.Repo) error {
	if !r.CanRead() {
		return fmt.Errorf("mail is to be read, and %w", repo.ErrNoRole)
	}
	return nil
}

// repoOptions say where this host keeps what it remembers.
func (l *Location) Options() (repo.Options, error) {
	cache, errCache := l.host.CacheDir()
	state, errState := l.host.StateDir()
	return repo.Options{CacheDir: cache, StateDir: state, Location: l.String(), Trust: cmp.Or(l.host.Flags.Trust, l.Configured.Trust)}, errors.Join(errCache, errState)
}

// opens reports whether a passphrase opens a repository. Where there is none yet, it cannot be tried.
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
		l.host.Output.Warn("it could not be tried: there is no repository at %s yet", ui.Safe(l.String()))
		return false, nil
	case errors.Is(err, repo.ErrWrongKey):
		return false, &hint.Error{Text: "it does not open " + l.String() + "; nothing was kept", Hint: "a key file opens it by itself: key_file in the configuration", Err: err}
	}
	return false, fmt.Errorf("open repository %s: %w", l, err)
}

// OpenAsOwner opens the repository for who removes or tags, which is the owner's to do.
func (h *Host) OpenAsOwner(ctx context.Context) (*repo.Repo, error) {
	r, err := h.Open(ctx)
	if err != nil {
		return nil, err
	}
	if !r.Keeper() {
		r.Close()
		return nil, fmt.Errorf("what removes is signed by the owner, and %w", repo.ErrNoRole)
	}
	return r, nil
}

// OpenToChangeKeys opens the repository for a change of its keys, and refuses in time where that cannot be.
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
		err = errors.New("this repository is not sealed: it has no keys, and cannot get any; make a sealed one beside it")
	case !r.Keeper():
		err = fmt.Errorf("only an owner changes keys, and %w", repo.ErrNoRole)
	default:
		return r, l, nil
	}
	return nil, nil, errors.Join(err, r.Close())
}
