package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/config/edit"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/secret"
)

// keep stores a secret in the keyring, or else in a file that only this user can read. It returns
// the key of the configuration that says where. It replaces no other secret: that may be one of
// another configuration, or of an account that was renamed.
func (d *dialog) keep(ctx context.Context, key, name, value string, useKeyring bool) (edit.Pair, error) {
	if useKeyring {
		switch entry, err := keepEntry(ctx, name, value); {
		case err == nil:
			return edit.Pair{Key: key + "_keyring", Value: entry}, nil
		case ctx.Err() != nil:
			return edit.Pair{}, context.Cause(ctx)
		case !errors.Is(err, keyring.ErrAbsent):
			d.Paragraph(sentence(err) + " So the secret is kept in a file.")
		}
	}
	file, err := d.secretFile(name, value)
	return edit.Pair{Key: key + "_file", Value: d.relative(file)}, err
}

// mostAlike is how many secrets of one name are kept.
const mostAlike = 99

// keepEntry stores a secret in an entry of the keyring that has no other one, and returns its name.
func keepEntry(ctx context.Context, name, value string) (entry string, err error) {
	for n := range mostAlike {
		entry = numbered(name, n)
		switch has, err := keyring.Get(ctx, entry); {
		case errors.Is(err, keyring.ErrNotFound):
			return entry, keyring.Set(ctx, entry, value)
		case err != nil:
			return "", err
		case has == value: // of a setup that was interrupted
			return entry, nil
		}
	}
	return "", fmt.Errorf("the keyring has too many entries like %s", name)
}

// secretFile writes a secret to a file that only this user can read, beside the configuration.
func (d *dialog) secretFile(name, value string) (string, error) {
	dir := filepath.Join(d.directory(), "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a directory for secrets: %w", err)
	}
	return keepFile(dir, fileName(name), "", value+"\n")
}

// keepFile writes a text to a file that no other text is in, and returns its path.
func keepFile(dir, name, extension, text string) (path string, err error) {
	for n := range mostAlike {
		path = filepath.Join(dir, numbered(name, n)+extension)
		if err = secret.WriteNew(path, text); !errors.Is(err, os.ErrExist) {
			return path, err
		}
		if has, err := os.ReadFile(path); err == nil && string(has) == text { // of a setup that was interrupted
			return path, nil
		}
	}
	return "", err
}

// numbered returns a name, or with a number from 2 if n is not 0.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n+1)
}

// fileName returns a name as the name of a file.
func fileName(name string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@.-_+", r) {
			return r
		}
		return '_'
	}, strings.TrimLeft(name, ".")), "_")
}
