package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
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
		if errors.Is(err, repo.ErrWrongKey) && !asked && !k.Given && cmp.Or(k.keyFile, l.ownKey) == "" {
			return nil, &hint.Error{
				Text: fmt.Sprintf("open repository %s: no key is given, and no passphrase opens it", l),
				Hint: "--key-file FILE (or MAILSTRATA_KEY_FILE) names a key file", Err: err,
			}
		}
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
		if file := k.KeyFile(); file != "" && errors.Is(err, repo.ErrWrongKey) {
			err = &wrongKeyFile{file}
		}
		return nil, l.missing(fmt.Errorf("open repository %s: %w", l, err))
	}
	l.introduce(r)
	return r, nil
}

// wrongKeyFile is repo.ErrWrongKey, and names the key file.
type wrongKeyFile struct{ path string }

func (w *wrongKeyFile) Error() string { return "this key does not open this repository: " + w.path }
func (w *wrongKeyFile) Unwrap() error { return repo.ErrWrongKey }

// introduce warns of what a user should know before they trust the repository.
func (l *Location) introduce(r *repo.Repo) {
	if cache, err := l.host.CacheDir(); err == nil &&
		!strings.HasPrefix(r.CacheDir(), cache+string(filepath.Separator)) {
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

// Options returns the options for package repo: the directories of this host, and the trusted
// fingerprint.
func (l *Location) Options() (repo.Options, error) {
	cache, errCache := l.host.CacheDir()
	state, errState := l.host.StateDir()
	size, errSize := l.cacheSize()
	return repo.Options{
		CacheDir: cache, CacheSize: size, StateDir: state, Location: l.String(),
		Trust: cmp.Or(l.host.Flags.Trust, l.Configured.Trust), ListAhead: l.host.ListAhead,
	}, cmp.Or(errCache, errState, errSize) // without HOME, two are the same
}

// usualCacheSize bounds what this host keeps of the packs of a far repository, unless the user says
// otherwise.
const usualCacheSize = 1 << 30

// cacheSize returns how many bytes of packs this host keeps: none of a repository in a directory of
// this host, which is as near as the cache.
func (l *Location) cacheSize() (size int64, err error) {
	if l.path != "" {
		return 0, nil
	}
	if text := l.host.Flags.CacheSize; text != "" {
		if size, err = config.ParseCacheSize(text); err != nil {
			return 0, &hint.Usage{Text: "--cache-size: " + err.Error()}
		}
	} else if c, err := l.host.Config(); err == nil {
		size = c.CacheSize
	}
	return max(0, cmp.Or(size, usualCacheSize)), nil
}

// TryPassphrase tests whether a passphrase opens the repository. It returns false if there is no
// repository to test it with.
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
		return false, &hint.Error{Text: "the passphrase does not open " + l.String() + "; nothing was stored",
			Hint: "a key file needs no passphrase: set key_file in the configuration", Err: err}
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

// Keys are the key file and the passphrase that the user gives for a repository.
type Keys struct {
	keyFile    string // "": none
	Passphrase secret.Source
	Given      bool                   // the passphrase needs no question
	Ask        func() ([]byte, error) // reads the passphrase
}

// KeyFile returns the key file, or "".
func (k *Keys) KeyFile() string { return k.keyFile }

// KeyFlags are the values of the flags that name keys, and where else a passphrase comes from. copy
// has other flags for its target.
type KeyFlags struct {
	KeyFile, KeyFileFlag          string // and the name of the flag
	PasswordFile, PasswordCommand string
	Passphrase                    secret.Source // its name, its variable, and what its flags begin with
}

// Keys returns the keys that the user names for a location.
func (l *Location) Keys() Keys {
	return l.KeysOf(KeyFlags{
		KeyFile: l.host.Flags.KeyFile, KeyFileFlag: "key-file",
		PasswordFile: l.host.Flags.PasswordFile, PasswordCommand: l.host.Flags.PasswordCommand,
		Passphrase: secret.Source{Name: "passphrase of the repository", Variable: "MAILSTRATA_PASSWORD"},
	})
}

// KeysOf returns the keys that flags, variables or the configuration name, in this order. The first
// of the three that names anything counts alone. Otherwise the key file in a configuration would
// hide an owner's passphrase on the command line.
func (l *Location) KeysOf(f KeyFlags) Keys {
	byVariable := l.host.ByVariable[f.KeyFileFlag]
	s := f.Passphrase
	switch {
	case f.KeyFile != "" && !byVariable || f.PasswordFile != "" || f.PasswordCommand != "":
		k := Keys{Passphrase: s}
		if !byVariable {
			k.keyFile = f.KeyFile
		}
		k.Passphrase.File, k.Passphrase.Command = f.PasswordFile, f.PasswordCommand
		k.Given = f.PasswordFile != "" || f.PasswordCommand != ""
		return k
	case f.KeyFile != "" || l.host.Getenv(s.Variable) != "":
		return Keys{keyFile: f.KeyFile, Passphrase: s, Given: l.host.Getenv(s.Variable) != ""}
	}
	s = s.Or(l.Configured.Secret)
	return Keys{keyFile: l.Configured.KeyFile, Passphrase: s, Given: l.host.Secrets.Given(s)}
}

// check returns an error if a passphrase file is missing, even if a key file opens the repository.
func (k *Keys) check() error {
	if k.Passphrase.File == "" {
		return nil
	}
	if _, err := os.Stat(k.Passphrase.File); err != nil {
		return k.Passphrase.Unread(err)
	}
	return nil
}

// AskOnce returns a function that reads the passphrase when it is first called, and remembers it.
func (l *Location) AskOnce(ctx context.Context) func() ([]byte, error) {
	if l.asked == nil {
		l.asked = sync.OnceValues(func() ([]byte, error) {
			k := l.Keys()
			if k.keyFile == "" && l.ownKey == "" {
				k.Passphrase.Instead = "--key-file"
			}
			return l.host.Secrets.Read(ctx, k.Passphrase)
		})
	}
	return l.asked
}

// unlock returns the key file, if there is one, and the passphrase, which it asks for only when it
// is needed.
func (l *Location) unlock(k Keys) (repo.Unlock, error) {
	unlock := repo.Unlock{Passphrase: k.Ask, Sealed: k.Given}
	file := cmp.Or(k.keyFile, l.ownKey)
	if file == "" {
		return unlock, nil
	}
	key, err := secret.ReadKeyFile(file)
	if k.keyFile == "" && errors.Is(err, fs.ErrNotExist) && k.Given {
		return unlock, nil // the passphrase opens it
	}
	if k.keyFile == "" && errors.Is(err, fs.ErrNotExist) && l.Own {
		if _, there := os.Stat(l.path); there != nil {
			return unlock, nil // the repository does not exist yet
		}
		return unlock, &hint.Error{
			Text: "the key file of your repository is missing: " + l.ownKey,
			Hint: "copy it back, or name another with --key-file",
			Err:  err,
		}
	}
	if errors.Is(err, fs.ErrNotExist) && (file == l.Configured.KeyFile || file == l.Configured.KeeperKeyFile) {
		missing := &hint.Error{
			Text: "no such key file: " + file + ", which the configuration names",
			Hint: "put the key of the recovery sheet there, or your copy of the file",
			Err:  err,
		}
		if l.Configured.Template != "" {
			missing.Hint = "put your copy of the file there; for a new user, mailstrata init --repo " + ui.ShellWord(l.Configured.Name) +
				" --owner-file … --new-key-file " + ui.ShellWord(file) + " --key-role writer makes the repository and this key"
		}
		err = missing
	}
	if err != nil {
		return unlock, err
	}
	l.host.Secrets.WarnExposed(file)
	unlock.Identities, unlock.Fingerprint = key.Identities, key.Fingerprint
	if !k.Given {
		// The user named a key file, so there is no question: a host without a terminal must not
		// wait for an answer.
		unlock.Passphrase = nil
	}
	return unlock, nil
}
