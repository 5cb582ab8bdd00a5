package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// opening is what opens the repository: a key file or a passphrase.
type opening struct {
	keyFile    string // of a repository that exists, or "" for a new one
	byKey      bool
	passphrase string
}

// askOpening asks what is to open a new repository, or what opens the one that is there. It returns
// nil if the user has nothing that opens it, and wants another place.
func (d *dialog) askOpening(ctx context.Context, p *place) (*opening, error) {
	if p.exists {
		return d.askExisting(ctx, p)
	}
	d.Paragraph("The archive is encrypted. Anybody who has its key can read the mail, and without the key nobody can, including you.")
	chosen, err := d.choose(ctx, "What is to open it?",
		"A key file on this computer, of which you print a copy (the recovery sheet)",
		"A passphrase that you choose; this computer keeps it for the backups")
	if err != nil || chosen == 0 {
		return &opening{byKey: true}, err
	}
	for {
		passphrase, err := d.secret(ctx, "passphrase")
		if err != nil {
			return nil, err
		}
		again, err := d.secret(ctx, "passphrase again")
		if err != nil {
			return nil, err
		}
		if passphrase != again {
			d.Paragraph("The two do not match.")
			continue
		}
		if n := utf8.RuneCountInString(passphrase); n < secret.ShortPassphrase {
			d.Paragraph(fmt.Sprintf("It has only %s: anybody who gets a copy of the archive can guess it. Use several words.", ui.Plural(n, "character")))
			if anyway, err := d.doubt(ctx, "Use it anyway?"); err != nil {
				return nil, err
			} else if !anyway {
				continue
			}
		}
		return &opening{passphrase: passphrase}, nil
	}
}

// askExisting finds the key file of an earlier setup or backup, or asks for what opens the
// repository.
func (d *dialog) askExisting(ctx context.Context, p *place) (*opening, error) {
	for _, file := range d.keyFiles() {
		if d.opens(ctx, p, file, "") == nil {
			d.Paragraph("The key file " + d.fromHome(file) + " opens it.")
			return &opening{byKey: true, keyFile: file}, nil
		}
	}
	for {
		chosen, err := d.choose(ctx, "What opens it?", "A key file", "A passphrase",
			"I have neither, or it is not mine: keep the archive in another place")
		if err != nil || chosen == 2 {
			return nil, err
		}
		o := &opening{byKey: chosen == 0}
		if o.byKey {
			if o.keyFile, err = d.ask(ctx, "Key file", ""); err == nil {
				o.keyFile, err = d.absolute(o.keyFile)
			}
		} else {
			o.passphrase, err = d.secret(ctx, "passphrase")
		}
		if err != nil {
			return nil, err
		}
		if err = d.opens(ctx, p, o.keyFile, o.passphrase); err == nil {
			return o, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		d.failed(err)
	}
}

// keyFiles returns the key files that an earlier setup made, and that of a backup without a setup,
// as far as they exist.
func (d *dialog) keyFiles() (files []string) {
	for n := range maxKeyFiles {
		file := d.keyPath(n)
		if _, err := os.Stat(file); err != nil {
			break
		}
		files = append(files, file)
	}
	if own, err := d.OwnKeyFile(); err == nil {
		if _, err := os.Stat(own); err == nil {
			files = append(files, own)
		}
	}
	return files
}

// opens tests what opens a repository, and remembers its fingerprint.
func (d *dialog) opens(ctx context.Context, p *place, keyFile, passphrase string) error {
	unlock := repo.Unlock{}
	if keyFile != "" {
		key, err := secret.ReadKeyFile(keyFile)
		if err != nil {
			return err
		}
		unlock.Identities, unlock.Fingerprint = key.Identities, key.Fingerprint
	} else {
		unlock.Passphrase, unlock.Sealed = func() ([]byte, error) { return []byte(passphrase), nil }, true
	}
	r, err := p.location.OpenBy(ctx, unlock)
	if err != nil {
		return err
	}
	defer r.Close()
	p.repository.Trust, p.mayRemove = r.Fingerprint(), r.CanRemove()
	if r.CanRead() {
		p.archived, err = archivedIn(ctx, r)
	}
	return err
}

// maxKeyFiles is how many key files setup makes in the directory of the configuration, each for
// another repository.
const maxKeyFiles = 9

// keyPath returns the n-th key file that setup makes.
func (d *dialog) keyPath(n int) string {
	return filepath.Join(d.directory(), numbered("key", n))
}

// newKeyFile makes a key file. One that an earlier setup made, and no repository has, is used
// again.
func (d *dialog) newKeyFile() (*secret.KeyFile, string, error) {
	for n := range maxKeyFiles {
		path := d.keyPath(n)
		key, err := secret.CreateKeyFile(path)
		if err == nil {
			return key, path, nil
		}
		if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
			return nil, "", err
		}
	}
	return nil, "", fmt.Errorf("%s has too many key files: move those away that you do not need", d.directory())
}

// name returns the opening for people.
func (o *opening) name() string {
	return cmp.Or(map[bool]string{true: "a key file"}[o.byKey], "a passphrase")
}
