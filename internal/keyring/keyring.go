// Package keyring keeps secrets in the keyring of the desktop: the Secret Service of Linux and the
// BSDs (GNOME Keyring, KWallet, KeePassXC), the Keychain of macOS, or the Credential Manager of
// Windows.
//
// Each entry has the service "mailstrata" and a name. github.com/zalando/go-keyring talks to the
// keyrings. This package adds a time limit, because an unlock window may be on a screen that nobody
// sees; it never starts a bus (bus.go); and its errors say what to do. No error of this package
// holds a secret.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

var (
	// ErrNotFound means that the keyring has no entry with the name.
	ErrNotFound = errors.New("the keyring has no such entry")

	// ErrLocked means that the keyring is locked, and the user did not unlock it.
	ErrLocked = errors.New("the keyring is locked")

	// ErrAbsent means that no keyring is available. Jobs of cron and system services have none.
	ErrAbsent = errors.New("no keyring is available")
)

// service is the service of all entries.
const service = "mailstrata"

// patience is the time limit for a keyring. Its owner may have to type a password first.
var patience = time.Minute

// Get returns the secret of an entry.
func Get(ctx context.Context, name string) (string, error) {
	var secret string
	err := ask(ctx, name, func() (err error) {
		secret, err = keyring.Get(service, name)
		return err
	})
	if err != nil {
		return "", err // and secret is left to who may still be asking
	}
	return secret, nil
}

// Set stores a secret in an entry, and replaces the one before.
func Set(ctx context.Context, name, secret string) error {
	return ask(ctx, name, func() error { return keyring.Set(service, name, secret) })
}

// Delete removes an entry, if it exists.
func Delete(ctx context.Context, name string) error {
	err := ask(ctx, name, func() error { return keyring.Delete(service, name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// ask runs a call to the keyring. If ctx ends, the call remains: keyrings have no way to cancel it.
func ask(ctx context.Context, name string, question func() error) error {
	if err := reach(); err != nil {
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	answer := make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil { // go-keyring does not expect a bus to end while its owner is asked
				answer <- errors.New("it went away")
			}
		}()
		answer <- question()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-answer:
		return explain(name, err)
	case <-late.C:
		return fmt.Errorf("%w, and nobody unlocked it within %s", ErrLocked, patience)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// explain returns an error of this package for one of go-keyring.
func explain(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return fmt.Errorf("%w: %s, of the service %s", ErrNotFound, name, service)
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return errors.New("the secret is too long for the keyring")
	}
	if known := meaning(err); errors.Is(known, ErrLocked) {
		return fmt.Errorf("%w, and its owner did not unlock it", known)
	} else if known != nil {
		return fmt.Errorf("%w: %w", known, err)
	}
	return fmt.Errorf("ask the keyring: %w", err)
}
