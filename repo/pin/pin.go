package pin

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/internal/local"
)

var (
	// ErrSwapped is the error of a repository that is not the one seen before.
	ErrSwapped = errors.New("this is not the repository that was used here before")

	// ErrUntrusted is the error of a repository that does not have the fingerprint that the user
	// named.
	ErrUntrusted = errors.New("this is not the repository that you named by its fingerprint")

	// ErrMemory is the error of a repository that this host cannot remember. It could not notice
	// another one in its place later.
	ErrMemory = errors.New("remember the repository")
)

// Pin is the file in which this host remembers the repository at a location.
type Pin struct {
	path string // empty if the host remembers nothing
	now  Repository
}

// Repository is a repository as a host remembers it: the content of the file.
type Repository struct {
	Location    string            `json:"location"`
	ID          string            `json:"repository"` // in hexadecimal
	Fingerprint string            `json:"fingerprint"`
	Number      uint64            `json:"number"`          // of the config
	Heads       map[string]string `json:"heads,omitempty"` // folder of an account → name of the newest manifest seen
}

// New returns the pin of a repository as it is now, without Heads, in a directory. Without a
// directory or a location, the host remembers nothing.
func New(dir string, now Repository) *Pin {
	p := &Pin{now: now}
	if dir != "" && now.Location != "" {
		sum := blake3.Sum256([]byte(now.Location))
		p.path = filepath.Join(dir, "pin-"+hex.EncodeToString(sum[:8])+".json")
	}
	return p
}

// Seen reports whether this host remembers a repository at the location.
func (p *Pin) Seen() bool {
	if p.path == "" {
		return false
	}
	_, err := os.Stat(p.path)
	return err == nil
}

// read returns nil if the host remembers nothing.
func (p *Pin) read() (*Repository, error) {
	if p.path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, local.Fail("read what this host knows of the repository in", p.path, err)
	}
	if len(bytes.Trim(text, "\x00")) == 0 {
		return nil, nil // a loss of power emptied the file: this host knows as little as a new one
	}
	old := new(Repository)
	if err := json.Unmarshal(text, old); err != nil {
		return nil, fmt.Errorf("%s, where this host remembers the repository's fingerprint, is damaged: "+
			"remove it if you are sure of the repository", p.path)
	}
	return old, nil
}

// write replaces the file.
func (p *Pin) write(what *Repository) error {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	if err := local.Replace(p.path, append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrMemory, err)
	}
	return nil
}

// change calls use with what the host remembers, or nil, and keeps other processes of this host
// from the file meanwhile. missing says why it cannot, if the file system has no locks.
func (p *Pin) change(use func(old *Repository) error) (missing, err error) {
	if p.path != "" {
		var unlock func()
		if unlock, missing, err = local.Lock(context.Background(), p.path+".lock", nil); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMemory, err)
		}
		defer unlock()
	}
	old, err := p.read()
	if err != nil {
		return missing, err
	}
	return missing, use(old)
}

// Check compares the repository with what this host remembers, or else with the fingerprint that
// the key file names, and remembers it. trust is the fingerprint that the user named. vouched is
// false if nothing named a fingerprint.
func (p *Pin) Check(trust, keyFingerprint string) (vouched bool, missing, err error) {
	vouched = true
	missing, err = p.change(func(old *Repository) error {
		switch {
		case trust == p.now.Fingerprint:
		case trust != "":
			return fmt.Errorf("%w: its fingerprint is %s, not %s", ErrUntrusted, p.now.Fingerprint, trust)
		case old != nil:
			if err := old.accepts(&p.now); err != nil {
				return err
			}
		case keyFingerprint == "":
			vouched = false
		case keyFingerprint != p.now.Fingerprint:
			return fmt.Errorf("%w: the key file names fingerprint %s, the repository has %s",
				ErrSwapped, keyFingerprint, p.now.Fingerprint)
		}
		return p.update(old)
	})
	return vouched, missing, err
}

// Refresh remembers the repository as it is now, after a change by this host.
func (p *Pin) Refresh() error {
	_, err := p.change(p.update)
	return err
}

// update replaces what the host remembered, if it differs.
func (p *Pin) update(old *Repository) error {
	if p.path == "" {
		return nil
	}
	if old != nil && old.ID == p.now.ID {
		p.now.Heads = old.Heads
		if old.Fingerprint == p.now.Fingerprint && old.Number == p.now.Number {
			return nil
		}
	}
	return p.write(&p.now)
}

// accepts returns an error if the repository cannot be the one that is remembered.
func (old *Repository) accepts(now *Repository) error {
	switch {
	case old.ID != now.ID:
		return fmt.Errorf("%w: repository %s was here, now it is %s", ErrSwapped, old.ID, now.ID)
	case now.Fingerprint != old.Fingerprint:
		return fmt.Errorf("%w: its keeper changed, from fingerprint %s to %s; if that was you, trust the new one",
			ErrSwapped, old.Fingerprint, now.Fingerprint)
	case now.Number < old.Number:
		return fmt.Errorf("%w: its config number is %d, but %d was seen already", ErrSwapped, now.Number, old.Number)
	}
	return nil
}

// Newest returns the name of the newest manifest of an account that this host has seen, or an empty
// string.
func (p *Pin) Newest(account string) (string, error) {
	old, err := p.read()
	if err != nil || old == nil || old.ID != p.now.ID {
		return "", err
	}
	return old.Heads[account], nil
}

// All returns the names of the newest manifests that this host has seen, of all accounts.
func (p *Pin) All() (names []string, err error) {
	old, err := p.read()
	if err != nil || old == nil || old.ID != p.now.ID {
		return nil, err
	}
	for _, name := range old.Heads {
		names = append(names, name)
	}
	return names, nil
}
