package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/keyring"
)

// A grant that is sealed has a file like any other, whose text is sealed by age to a key that only
// the keyring has. The grant itself is not put there: it is longer than Windows and macOS take, and
// a keyring can neither be locked between processes nor be sure, before the provider is asked, that
// the next refresh token will find room.

// sealed is how every file of age begins.
const sealed = "age-encryption.org/v1\n"

// keyName is the entry of the keyring for an account.
func keyName(user, host string) string { return "tokens of " + user + "@" + host }

// key returns the key that the grant of an account is sealed to. It returns keyring.ErrNotFound if
// there is none.
func key(ctx context.Context, user, host string) (*age.X25519Identity, error) {
	text, err := keyring.Get(ctx, keyName(user, host))
	if err != nil {
		return nil, fmt.Errorf("open the token of %s@%s: %w", user, host, err)
	}
	identity, err := age.ParseX25519Identity(text)
	if err != nil {
		return nil, fmt.Errorf("open the token of %s@%s: the entry in the keyring is not a key", user, host)
	}
	return identity, nil
}

// keyOrNew returns the key, or a new one. Two processes cannot make two, because the grant is
// locked.
func keyOrNew(ctx context.Context, user, host string) (*age.X25519Identity, error) {
	identity, err := key(ctx, user, host)
	if !errors.Is(err, keyring.ErrNotFound) {
		return identity, err
	}
	if identity, err = age.GenerateX25519Identity(); err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return identity, keyring.Set(ctx, keyName(user, host), identity.String())
}

// seal seals the text of a grant; a nil key leaves it as it is. open inverts it.
func seal(text []byte, identity *age.X25519Identity) ([]byte, error) {
	if identity == nil {
		return text, nil
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, identity.Recipient())
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	return file.Bytes(), err
}

// open returns the text of a grant's file, and whether it was sealed.
func open(ctx context.Context, file []byte, user, host string) (text []byte, wasSealed bool, err error) {
	if !bytes.HasPrefix(file, []byte(sealed)) {
		return file, false, nil
	}
	identity, err := key(ctx, user, host)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, true, fmt.Errorf("%w: its key is gone: %w", ErrConsent, err)
	}
	if err != nil {
		return nil, true, err
	}
	r, err := age.Decrypt(bytes.NewReader(file), identity)
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, maxGrant))
	}
	if err != nil {
		return nil, true, fmt.Errorf("%w: the token of %s@%s is sealed to another key than the keyring's",
			ErrConsent, user, host)
	}
	return text, true, nil
}
