package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
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

// ParseKeyFile reads a key file. Any age identity file is one, and an SSH private key without a passphrase.
func ParseKeyFile(r io.Reader) (*KeyFile, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, errors.New("the key file is too large for an age identity file")
	}
	k := new(KeyFile)
	if bytes.HasPrefix(text, []byte("-----BEGIN")) {
		k.Identities, err = parseSSHKey(text)
		return k, err
	}
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

func parseSSHKey(text []byte) ([]age.Identity, error) {
	id, err := agessh.ParseIdentity(text)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, errors.New("the SSH key has a passphrase of its own, which is not asked for: " +
			"use a key without one, or an age identity")
	}
	if err != nil {
		return nil, errors.New("the key file is not an SSH private key of the kind ssh-ed25519 or ssh-rsa")
	}
	return []age.Identity{id}, nil
}

// WriteKeyFile inverts ParseKeyFile, for one identity and an open repository.
func WriteKeyFile(w io.Writer, id age.Identity, r *Repo) error {
	text, ok := id.(fmt.Stringer)
	if !ok {
		return errors.New("not an age identity that can be written down")
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
