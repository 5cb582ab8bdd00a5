package repo

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

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/zeebo/blake3"
)

// memory is the file in which this host remembers the repository at a location. A host that can write to the store can put
// another repository there, or an older config, or one with its own recipient, but it cannot change this file.
type memory struct {
	path string // empty if the host remembers nothing
	now  remembered
}

// remembered is the content of the file.
type remembered struct {
	Location    string            `json:"location"`
	Repository  string            `json:"repository"`
	Fingerprint string            `json:"fingerprint"`
	Number      uint64            `json:"number"`          // of the config
	Heads       map[string]string `json:"heads,omitempty"` // folder of an account → name of the newest manifest seen
}

// memory returns the memory of the repository as it is now.
func (a *access) memory() *memory {
	m := &memory{now: remembered{
		Location: a.options.Location, Repository: a.ID(), Fingerprint: a.Fingerprint(), Number: a.config.Number,
	}}
	if a.options.StateDir != "" && a.options.Location != "" {
		sum := blake3.Sum256([]byte(a.options.Location))
		m.path = filepath.Join(a.options.StateDir, "pin-"+hex.EncodeToString(sum[:8])+".json")
	}
	return m
}

// read returns nil if the host remembers nothing.
func (m *memory) read() (*remembered, error) {
	if m.path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, local.Fail("read what this host knows of the repository in", m.path, err)
	}
	if len(bytes.Trim(text, "\x00")) == 0 {
		return nil, nil // a loss of power emptied the file: this host knows as little as a new one
	}
	old := new(remembered)
	if err := json.Unmarshal(text, old); err != nil {
		return nil, fmt.Errorf("%s, where this host remembers the repository's fingerprint, is damaged: "+
			"remove it if you are sure of the repository", m.path)
	}
	return old, nil
}

// write replaces the file.
func (m *memory) write(what *remembered) error {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	if err := local.Replace(m.path, append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrMemory, err)
	}
	return nil
}

// change calls use with what the host remembers, or nil, and keeps other processes of this host from the file meanwhile. missing
// says why it cannot, if the file system has no locks.
func (m *memory) change(use func(old *remembered) error) (missing, err error) {
	if m.path != "" {
		var unlock func()
		if unlock, missing, err = local.Lock(context.Background(), m.path+".lock", nil); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMemory, err)
		}
		defer unlock()
	}
	old, err := m.read()
	if err != nil {
		return missing, err
	}
	return missing, use(old)
}

// check compares the repository with what this host remembers, or else with the fingerprint that the key file names, and
// remembers it. trust is the fingerprint that the user named. vouched is false if nothing named a fingerprint.
func (m *memory) check(trust, keyFingerprint string) (vouched bool, missing, err error) {
	vouched = true
	missing, err = m.change(func(old *remembered) error {
		switch {
		case trust == m.now.Fingerprint:
		case trust != "":
			return fmt.Errorf("%w: its fingerprint is %s, not %s", ErrUntrusted, m.now.Fingerprint, trust)
		case old != nil:
			if err := old.accepts(&m.now); err != nil {
				return err
			}
		case keyFingerprint == "":
			vouched = false
		case keyFingerprint != m.now.Fingerprint:
			return fmt.Errorf("%w: the key file names fingerprint %s, the repository has %s", ErrSwapped, keyFingerprint, m.now.Fingerprint)
		}
		return m.update(old)
	})
	return vouched, missing, err
}

// refresh remembers the repository as it is now, after a change by this host.
func (m *memory) refresh() error {
	_, err := m.change(m.update)
	return err
}

// update replaces what the host remembered, if it differs.
func (m *memory) update(old *remembered) error {
	if m.path == "" {
		return nil
	}
	if old != nil && old.Repository == m.now.Repository {
		m.now.Heads = old.Heads
		if old.Fingerprint == m.now.Fingerprint && old.Number == m.now.Number {
			return nil
		}
	}
	return m.write(&m.now)
}

// accepts returns an error if the repository cannot be the one that is remembered.
func (old *remembered) accepts(now *remembered) error {
	switch {
	case old.Repository != now.Repository:
		return fmt.Errorf("%w: repository %s was here, now it is %s", ErrSwapped, old.Repository, now.Repository)
	case now.Fingerprint != old.Fingerprint:
		return fmt.Errorf("%w: its keeper changed, from fingerprint %s to %s; if that was you, trust the new one",
			ErrSwapped, old.Fingerprint, now.Fingerprint)
	case now.Number < old.Number:
		return fmt.Errorf("%w: its config number is %d, but %d was seen already", ErrSwapped, now.Number, old.Number)
	}
	return nil
}

// head returns the name of the newest manifest of an account that this host has seen, or an empty string.
func (m *memory) head(account string) (string, error) {
	old, err := m.read()
	if err != nil || old == nil || old.Repository != m.now.Repository {
		return "", err
	}
	return old.Heads[account], nil
}
