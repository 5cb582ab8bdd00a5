package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/mailstrata/mailstrata/internal/plaintext"
	"github.com/mailstrata/mailstrata/repo"
)

// keys hold what opens a repository.
type keys struct {
	file       string // the key file that was named; "": none
	passphrase func() ([]byte, error)
	given      bool // the passphrase is there without asking
}

// unlockFlags are the flags that name what opens a repository. The target of copy has flags of its own.
type unlockFlags struct {
	keyFile, keyFileFlag       string // and the flag's name
	passwordFile, passwordFrom string // a file, a command
	variable, flag             string // the variable that holds the passphrase, and what its flags begin with
	name                       string // of the passphrase, for people
}

// unlocking is what opens a repository.
type unlocking struct {
	keyFile    string // "": none was named
	passphrase secret
	given      bool // the passphrase is there without asking
}

// unlocking is what the user named to open a place.
func (p *program) unlocking(l *place) unlocking {
	return p.unlockingBy(l, unlockFlags{
		keyFile: p.flags.KeyFile, keyFileFlag: "key-file", passwordFile: p.flags.PasswordFile, passwordFrom: p.flags.PasswordCommand,
		variable: "MAILSTRATA_PASSWORD", name: "passphrase of the repository",
	})
}

// unlockingBy chooses what opens a place. Flags count before variables, and variables before the configuration. The first
// of the three that names anything counts alone. Otherwise the key file in a configuration would hide an owner's
// passphrase on the command line.
func (p *program) unlockingBy(l *place, f unlockFlags) unlocking {
	byVariable := p.byVariable[f.keyFileFlag]
	s := secret{name: f.name, variable: f.variable, flag: f.flag}
	switch {
	case f.keyFile != "" && !byVariable || f.passwordFile != "" || f.passwordFrom != "":
		u := unlocking{passphrase: s}
		if !byVariable {
			u.keyFile = f.keyFile
		}
		u.passphrase.file, u.passphrase.command = f.passwordFile, f.passwordFrom
		u.given = f.passwordFile != "" || f.passwordFrom != ""
		return u
	case f.keyFile != "" || p.getenv(f.variable) != "":
		return unlocking{keyFile: f.keyFile, passphrase: s, given: p.getenv(f.variable) != ""}
	}
	s = s.or(l.configured.Secret)
	return unlocking{keyFile: l.configured.KeyFile, passphrase: s, given: p.given(s)}
}

// check returns an error if a passphrase file is missing, even if a key file opens the repository.
func (u unlocking) check() error {
	if u.passphrase.file == "" {
		return nil
	}
	if _, err := os.Stat(u.passphrase.file); err != nil {
		return fmt.Errorf("read the %s: %w", u.passphrase.name, err)
	}
	return nil
}

// passphrase is where the repository's passphrase comes from.
func (p *program) passphrase(l *place) secret { return p.unlocking(l).passphrase }

// askedOnce reads the passphrase when it is first needed, and remembers it.
func (p *program) askedOnce(ctx context.Context, l *place) func() ([]byte, error) {
	if l.passphrase == nil {
		l.passphrase = sync.OnceValues(func() ([]byte, error) { return p.read(ctx, p.passphrase(l)) })
	}
	return l.passphrase
}

// given reports whether a secret is there without asking.
func (p *program) given(s secret) bool {
	return s.file != "" || s.command != "" || s.credential != "" || s.keyring != "" || p.getenv(s.variable) != ""
}

// unlockWith returns the key file, if there is one, and the passphrase, which it asks for only when it is needed.
func (p *program) unlockWith(l *place, keys keys) (repo.Unlock, error) {
	unlock := repo.Unlock{Passphrase: keys.passphrase, Sealed: keys.given}
	file := cmp.Or(keys.file, l.key)
	if file == "" {
		return unlock, nil
	}
	key, err := readKeyFile(file)
	if keys.file == "" && errors.Is(err, fs.ErrNotExist) && keys.given {
		return unlock, nil // it opens with the passphrase
	}
	if keys.file == "" && errors.Is(err, fs.ErrNotExist) && l.own {
		if _, there := os.Stat(l.path); there != nil {
			return unlock, nil // the repository is made first
		}
		return unlock, &hintedError{
			text: "your own repository opens with the key file " + l.key + ", which is missing",
			hint: "copy it back from where you keep a copy, or name another with --key-file",
			err:  err,
		}
	}
	if err != nil {
		return unlock, err
	}
	p.warnExposed(file)
	unlock.Identities, unlock.Fingerprint = key.Identities, key.Fingerprint
	if !keys.given {
		// The user named a key file, so there is no question: a host without a terminal must not wait for an answer.
		unlock.Passphrase = nil
	}
	return unlock, nil
}

func readKeyFile(path string) (*repo.KeyFile, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &hintedError{
			text: "there is no key file " + path,
			hint: "check --key-file (MAILSTRATA_KEY_FILE); a new repository gets its key file by mailstrata init --new-key-file",
			err:  err,
		}
	}
	if err == nil {
		text, err = plaintext.Decode(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	key, err := repo.ParseKeyFile(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// warnExposed warns once of a file with a secret that other users of this host can read. Files of systemd's credentials
// are in a directory that only the unit can enter.
func (p *program) warnExposed(file string) {
	if runtime.GOOS == "windows" || p.exposed[file] {
		return
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0 {
		return
	}
	if dir := p.getenv("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(file) == filepath.Clean(dir) {
		return
	}
	if p.exposed == nil {
		p.exposed = make(map[string]bool)
	}
	p.exposed[file] = true
	p.warn("other users of this host can read the secret in %s: chmod 600 makes it yours alone", safe(file))
}
