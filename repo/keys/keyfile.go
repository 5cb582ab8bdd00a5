// Package keys reads and writes key files, and the recipients and identities of key slots. What it
// does not write itself is age's: identity files, recipients, and SSH keys.
//
//	keyfile.go    File: the file with which a host opens a repository
//	typed.go      keys that somebody typed from paper
//	recipient.go  recipients, as the config names them
//	identity.go   identities, as a key slot holds them
package keys

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

// File is an age identity file. Its comments name the repository and its fingerprint, so that a
// host that has never seen the repository notices if the store presents another one.
type File struct {
	Identities  []age.Identity
	Repository  string // ID of the repository; empty if the file does not say
	Fingerprint string // of the repository; empty if the file does not say
}

const (
	maxFile            = 64 << 10
	commentRepository  = "# mailstrata repository: "
	commentFingerprint = "# mailstrata fingerprint: "
)

// ParseFile reads a key file: an age identity file, or an SSH private key without a passphrase.
func ParseFile(r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	if len(text) > maxFile {
		return nil, errors.New("the key file is too large for an age identity file")
	}
	k := new(File)
	if bytes.HasPrefix(text, []byte("-----BEGIN")) {
		k.Identities, err = parseSSHKey(text)
		return k, err
	}
	if k.Identities, err = age.ParseIdentities(bytes.NewReader(text)); err != nil {
		if k.Identities, err = parseTyped(string(text)); err != nil { // age's error may quote the secret
			return nil, err
		}
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
		return nil, errors.New("the SSH key has a passphrase, and mailstrata does not ask for it: " +
			"use a key without one, or an age identity")
	}
	if err != nil {
		return nil, errors.New("the key file is not an SSH private key of type ssh-ed25519 or ssh-rsa")
	}
	return []age.Identity{id}, nil
}

// WriteFile writes the key file of one identity, for the repository with an ID and a fingerprint.
// ParseFile reads it.
func WriteFile(w io.Writer, id age.Identity, repository, fingerprint string) error {
	text, ok := id.(fmt.Stringer)
	if !ok {
		return errors.New("this identity cannot be written to a file")
	}
	recipient, err := recipientOf(id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n%s%s\n# public key: %s\n%s\n",
		commentRepository, repository, commentFingerprint, fingerprint, recipient, text)
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	return nil
}

// recipientOf returns the recipient of an identity: what is sealed to it, id opens.
func recipientOf(id age.Identity) (age.Recipient, error) {
	switch id := id.(type) {
	case *age.HybridIdentity:
		return id.Recipient(), nil
	case *age.X25519Identity:
		return id.Recipient(), nil
	}
	return nil, errors.New("a key slot cannot be made for an identity of this type")
}
