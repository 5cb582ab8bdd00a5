package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// KeyFile is an age identity file. In comments it carries which repository it is for, and that one's fingerprint: a
// store that presents another is found out even by a host that never saw the right one.
type KeyFile struct {
	Identities  []age.Identity
	Repository  string // empty: the file does not say
	Fingerprint string
}

const (
	maxKeyFile         = 64 << 10
	commentRepository  = "# mailstrata repository: "
	commentFingerprint = "# mailstrata fingerprint: "
)

// ParseKeyFile reads a key file. Any age identity file is one.
func ParseKeyFile(r io.Reader) (*KeyFile, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, errors.New("the key file is too large for an age identity file")
	}
	k := new(KeyFile)
	if k.Identities, err = age.ParseIdentities(bytes.NewReader(text)); err != nil {
		return nil, errors.New("the key file is not an age identity file") // age's error may quote the secret
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), commentRepository); ok {
			k.Repository = strings.TrimSpace(value)
		}
		if value, ok := strings.CutPrefix(lines.Text(), commentFingerprint); ok {
			k.Fingerprint = strings.TrimSpace(value)
		}
	}
	return k, nil
}

// WriteKeyFile inverts ParseKeyFile, for one identity and an open repository.
func WriteKeyFile(w io.Writer, id age.Identity, r *Repo) error {
	text, err := identityText(id)
	if err != nil {
		return err
	}
	recipient, err := RecipientOf(id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n%s%s\n# public key: %s\n%s\n",
		commentRepository, r.ID(), commentFingerprint, r.Fingerprint(), recipient, text)
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	return nil
}

// RecipientOf returns whom to seal to so that id opens it.
func RecipientOf(id age.Identity) (age.Recipient, error) {
	switch id := id.(type) {
	case *age.HybridIdentity:
		return id.Recipient(), nil
	case *age.X25519Identity:
		return id.Recipient(), nil
	}
	return nil, errors.New("the key file holds an identity of a kind that a key slot cannot be made for")
}
