// Package keyring keeps secrets where the desktop of their owner keeps his: in the Secret Service of Linux and the BSDs (GNOME
// Keyring, KWallet, KeePassXC), in the Keychain of macOS, or in the Credential Manager of Windows.
//
// Each entry has the service "mailstrata" and a name. The keyrings are asked by github.com/zalando/go-keyring. What is here
// is what it leaves to its callers: that nobody waits for ever at a window that nobody sees, that no bus is started
// for want of one, and errors that say what to do.
//
// No secret is in any error of this package.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

var (
	// ErrNotFound: the keyring has no entry of that name.
	ErrNotFound = errors.New("the keyring has no such entry")

	// ErrLocked: the keyring is locked, and nobody unlocked it.
	ErrLocked = errors.New("the keyring is locked")

	// ErrAbsent: there is no keyring here. A job of cron, or of the system's own systemd, has none.
	ErrAbsent = errors.New("there is no keyring here")
)

// service is what all entries belong to.
const service = "mailstrata"

// patience is how long a keyring may take: its owner may have to type a password first.
var patience = time.Minute

// Get is the secret of an entry.
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

// Set keeps a secret, instead of the one that an entry had.
func Set(ctx context.Context, name, secret string) error {
	return ask(ctx, name, func() error { return keyring.Set(service, name, secret) })
}

// Delete removes an entry. Where there is none, it does nothing.
func Delete(ctx context.Context, name string) error {
	err := ask(ctx, name, func() error { return keyring.Delete(service, name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// ask asks the keyring. Who no longer waits leaves the question behind: the keyrings know no way to take it back.
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

// explain says what an error of go-keyring means.
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
