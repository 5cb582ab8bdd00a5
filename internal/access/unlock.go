package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/repo"
)

// Keys are the key file and the passphrase that the user gives for a repository.
type Keys struct {
	keyFile    string // "": none
	Passphrase secret.Source
	Given      bool                   // the passphrase needs no question
	Ask        func() ([]byte, error) // reads the passphrase
}

// KeyFlags are the values of the flags that name keys, and where else a passphrase comes from. The target of copy has flags
// of its own.
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

// KeysOf returns the keys that flags, variables or the configuration name, in this order. The first of the three that names
// anything counts alone. Otherwise the key file in a configuration would hide an owner's passphrase on the command line.
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
		return fmt.Errorf("read the %s: %w", k.Passphrase.Name, err)
	}
	return nil
}

// AskOnce returns a function that reads the passphrase when it is first called, and remembers it.
func (l *Location) AskOnce(ctx context.Context) func() ([]byte, error) {
	if l.asked == nil {
		l.asked = sync.OnceValues(func() ([]byte, error) { return l.host.Secrets.Read(ctx, l.Keys().Passphrase) })
	}
	return l.asked
}

// unlock returns the key file, if there is one, and the passphrase, which it asks for only when it is needed.
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
			Text: "the key file of your repository is missing: " + l.ownKey + "",
			Hint: "copy it back, or name another with --key-file",
			Err:  err,
		}
	}
	if err != nil {
		return unlock, err
	}
	l.host.Secrets.WarnExposed(file)
	unlock.Identities, unlock.Fingerprint = key.Identities, key.Fingerprint
	if !k.Given {
		// The user named a key file, so there is no question: a host without a terminal must not wait for an answer.
		unlock.Passphrase = nil
	}
	return unlock, nil
}
