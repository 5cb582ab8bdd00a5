package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/config/edit"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// plan is all that was asked.
type plan struct {
	account *account
	place   *place
	opening *opening
	nights  *nights
}

// make makes the repository, stores the secrets, and then writes the configuration. What is to be
// done after that is written before it.
func (d *dialog) make(ctx context.Context, p *plan, r *rest) error {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(d.configPath()); err == nil {
		return &hint.Error{
			Text: "another setup wrote " + d.fromHome(d.configPath()) + " in the meantime, so this one changed nothing",
			Hint: "mailstrata account add adds an account to it",
		}
	}
	if err := d.makeRepository(ctx, p); err != nil {
		return err
	}
	provider, table, err := d.storeAccount(ctx, p.account, p.keyring())
	if err != nil {
		return err
	}
	repository, err := d.storeRepository(ctx, p)
	if err != nil {
		return err
	}
	text := "# Written by mailstrata setup on " + time.Now().Format(time.DateOnly) + ". docs/config.md explains every key.\n\n" +
		repository + "\n" + provider + table + p.nights.tables()
	if err := d.save(r); err != nil {
		return err
	}
	return d.write([]byte(text))
}

// keyring reports whether the keyring is of use: a job of cron cannot reach it.
func (p *plan) keyring() bool {
	return p.nights.often == byHand || p.nights.timer != nil && p.nights.timer.Session()
}

// makeRepository makes the repository, unless there is one.
func (d *dialog) makeRepository(ctx context.Context, p *plan) error {
	r := &p.place.repository
	if p.place.exists {
		r.KeyFile = p.opening.keyFile
		return nil
	}
	options, err := p.place.location.Options()
	if err != nil {
		return err
	}
	o := repo.InitOptions{Options: options}
	var key *secret.KeyFile
	if p.opening.byKey {
		if key, p.opening.keyFile, err = d.newKeyFile(); err != nil {
			return err
		}
		r.KeyFile, o.Owners = p.opening.keyFile, []age.Recipient{key.Identity.Recipient()}
	} else {
		o.Passphrase = []byte(p.opening.passphrase)
	}
	made, err := p.place.location.Create(ctx, o, key)
	if err != nil {
		return err
	}
	r.Trust = made.Fingerprint()
	return made.Close()
}

// storeRepository stores the secrets of the repository, and returns its table.
func (d *dialog) storeRepository(ctx context.Context, p *plan) (string, error) {
	pairs := []edit.Pair{{Key: "place", Value: p.place.repository.Place}}
	if p.opening.byKey {
		pairs = append(pairs, edit.Pair{Key: "key_file", Value: d.relative(p.opening.keyFile)})
	} else {
		kept, err := d.keep(ctx, "secret", "repository", p.opening.passphrase, p.keyring())
		if err != nil {
			return "", err
		}
		pairs = append(pairs, kept)
	}
	if p.place.keyID != "" {
		file, err := d.secretFile("bucket", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s", p.place.keyID, p.place.key))
		if err != nil {
			return "", err
		}
		pairs = append(pairs, edit.Pair{Key: "credentials_file", Value: d.relative(file)})
	}
	if strings.HasPrefix(p.place.repository.Place, "sftp:") {
		pairs = append(pairs, edit.Pair{Key: "ssh_command", Value: d.Flags.SSHCommand})
	}
	return edit.Table("[[repositories]]",
		append(pairs, edit.Pair{Key: "trust", Value: p.place.repository.Trust})...), nil
}

// storeAccount stores the secrets of an account, and returns its table, and that of a new provider
// of its tokens or "".
func (d *dialog) storeAccount(ctx context.Context, a *account, useKeyring bool) (provider, table string, err error) {
	pairs := []edit.Pair{{Key: "name", Value: a.name}, {Key: "url", Value: a.url}}
	if a.grant != nil {
		store, err := d.TokenStore()
		if err != nil {
			return "", "", err
		}
		if err := store.Put(ctx, a.grant); err != nil {
			return "", "", err
		}
		if provider, err = d.storeProvider(ctx, a, useKeyring); err != nil {
			return "", "", err
		}
		pairs = append(pairs, edit.Pair{Key: "oauth2_provider", Value: a.provider.Name})
	} else {
		kept, err := d.keep(ctx, "secret", a.name, a.password, useKeyring)
		if err != nil {
			return "", "", err
		}
		pairs = append(pairs, kept)
	}
	if a.ca != nil && a.caFile == "" {
		if a.caFile, err = keepFile(d.directory(), "ca-"+fileName(a.name), ".pem", string(a.ca)); err != nil {
			return "", "", err
		}
	}
	if a.caFile != "" {
		pairs = append(pairs, edit.Pair{Key: "ca_file", Value: d.relative(a.caFile)})
	}
	return provider, edit.Table("[[accounts]]", pairs...), nil
}

// storeProvider returns the table of a provider of tokens, unless the configuration has it.
func (d *dialog) storeProvider(ctx context.Context, a *account, useKeyring bool) (string, error) {
	c, err := d.Config()
	if err != nil || c.Provider(a.provider.Name) != nil {
		return "", err
	}
	p := a.provider
	pairs := []edit.Pair{{Key: "name", Value: p.Name}, {Key: "client_id", Value: p.ClientID}}
	if a.client != "" {
		kept, err := d.keep(ctx, "client_secret", "client-"+p.Name, a.client, useKeyring)
		if err != nil {
			return "", err
		}
		pairs = append(pairs, kept)
	}
	pairs = append(pairs, edit.Pair{Key: "tenant", Value: p.Tenant}, edit.Pair{Key: "auth_url", Value: p.AuthURL},
		edit.Pair{Key: "device_url", Value: p.DeviceURL}, edit.Pair{Key: "token_url", Value: p.TokenURL})
	text := edit.Table("[[oauth2_providers]]", pairs...)
	if len(p.Scopes) > 0 {
		var quoted []string
		for _, scope := range p.Scopes {
			quoted = append(quoted, edit.Quote(scope))
		}
		text += "scopes = [" + strings.Join(quoted, ", ") + "]\n"
	}
	return text + "\n", nil
}

// configPath returns the path of the configuration, which need not exist.
func (d *dialog) configPath() string {
	if file := d.Flags.ConfigFile; file != "" {
		return file
	}
	return d.ConfigPaths()[0]
}

// directory returns the directory of the configuration, its secrets and its keys.
func (d *dialog) directory() string { return filepath.Dir(d.configPath()) }

// relative returns a path as the configuration has it: relative to itself, if the file is beside
// it.
func (d *dialog) relative(path string) string {
	if rest, ok := strings.CutPrefix(path, d.directory()+string(filepath.Separator)); ok {
		return filepath.ToSlash(rest)
	}
	return path
}

// lock makes this process the only one of the user that changes configurations, until unlock is
// called.
func (d *dialog) lock(ctx context.Context) (unlock func(), err error) {
	state, err := d.StateDir()
	if err != nil {
		return nil, err
	}
	unlock, _, err = local.Lock(ctx, filepath.Join(state, "setup.lock"), nil)
	return unlock, err
}

// check returns an error if a text is not a good configuration.
func (d *dialog) check(text []byte) error {
	if _, err := config.Parse(d.configPath(), d.Home(), text, d.Users); err != nil {
		return fmt.Errorf("the new configuration is wrong, so it was not written: %w", err)
	}
	return nil
}

// write replaces the configuration, if the text is a good one.
func (d *dialog) write(text []byte) error {
	if err := d.check(text); err != nil {
		return err
	}
	path := d.configPath()
	if err := local.Rewrite(path, text); err != nil {
		return err
	}
	d.Paragraph("Wrote " + ui.Safe(d.fromHome(path)) + ".")
	return nil
}

// mayWrite returns an error if the configuration cannot be written, before anybody answers
// questions for it. It makes the directory.
func (d *dialog) mayWrite() error {
	if err := os.MkdirAll(d.directory(), 0o700); err != nil {
		return fmt.Errorf("make the directory of the configuration: %w", err)
	}
	f, err := os.CreateTemp(d.directory(), ".new-*")
	if err != nil {
		return fmt.Errorf("write to the directory of the configuration: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
