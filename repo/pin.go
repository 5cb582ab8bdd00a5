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

// pin is what a host remembers of the repository at a place. Who can write to the store can put another repository
// there, or an older config, or one with a recipient of his own; he cannot change this file.
type pin struct {
	Location    string            `json:"location"`
	Repository  string            `json:"repository"`
	Fingerprint string            `json:"fingerprint"`
	Number      uint64            `json:"number"`
	Heads       map[string]string `json:"heads,omitempty"` // account's directory → name of the newest manifest seen
}

func (r *Repo) pinPath() string {
	if r.options.StateDir == "" || r.options.Location == "" {
		return ""
	}
	sum := blake3.Sum256([]byte(r.options.Location))
	return filepath.Join(r.options.StateDir, "pin-"+hex.EncodeToString(sum[:8])+".json")
}

// readPin returns nil where nothing is known.
func readPin(path string) (*pin, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, local.Fail("read what this host knows of the repository in", path, err)
	}
	if len(bytes.Trim(text, "\x00")) == 0 {
		return nil, nil // a loss of power emptied it: this host knows nothing, like a new one
	}
	p := new(pin)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s, where this host remembers the repository's fingerprint, is damaged: "+
			"remove it if you are sure of the repository", path)
	}
	return p, nil
}

// write replaces the file as a whole.
func (p *pin) write(path string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := local.Replace(path, append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrForgetful, err)
	}
	return nil
}

// checkPin compares the repository with what this host, or else the key file, remembers of it, and remembers it.
func (r *Repo) checkPin(keyFingerprint string) error {
	now, unlock, missing, err := r.lockPin()
	if err != nil {
		return err
	}
	defer unlock()
	r.noLocks = missing
	old, err := readPin(r.pinPath())
	if err != nil {
		return err
	}
	switch fingerprint := r.Fingerprint(); {
	case r.options.Trust == fingerprint:
	case r.options.Trust != "":
		return fmt.Errorf("%w: its fingerprint is %s, not %s", ErrSwapped, fingerprint, r.options.Trust)
	case old != nil:
		err = old.accepts(now)
	case keyFingerprint == "":
		r.unproven = true
	case keyFingerprint != fingerprint:
		err = fmt.Errorf("%w: the key file names fingerprint %s, the repository has %s", ErrSwapped, keyFingerprint, fingerprint)
	}
	if err != nil {
		return err
	}
	return now.replace(old, r.pinPath())
}

// pin remembers what the repository is now, after a change of our own.
func (r *Repo) pin() error {
	now, unlock, _, err := r.lockPin()
	if err != nil {
		return err
	}
	defer unlock()
	old, err := readPin(r.pinPath())
	if err != nil {
		return err
	}
	return now.replace(old, r.pinPath())
}

// lockPin keeps other processes of this host from the file, and returns what it should say. Where nothing is remembered
// there is nothing to lock. missing says why nothing is locked, if the file system has no locks.
func (r *Repo) lockPin() (now *pin, unlock func(), missing, err error) {
	now = &pin{
		Location: r.options.Location, Repository: r.ID(),
		Fingerprint: r.Fingerprint(), Number: r.config.Number,
	}
	path := r.pinPath()
	if path == "" {
		return now, func() {}, nil, nil
	}
	unlock, missing, err = local.Lock(context.Background(), path+".lock", nil)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrForgetful, err)
	}
	return now, unlock, missing, nil
}

// replace writes the pin over an older one, where they differ.
func (p *pin) replace(old *pin, path string) error {
	if path == "" {
		return nil
	}
	if old != nil && old.Repository == p.Repository {
		p.Heads = old.Heads
		if old.Fingerprint == p.Fingerprint && old.Number == p.Number {
			return nil
		}
	}
	return p.write(path)
}

func (p *pin) accepts(now *pin) error {
	switch {
	case p.Repository != now.Repository:
		return fmt.Errorf("%w: repository %s was here, now it is %s", ErrSwapped, p.Repository, now.Repository)
	case now.Fingerprint != p.Fingerprint:
		return fmt.Errorf("%w: its keeper changed, from fingerprint %s to %s; if that was you, trust the new one",
			ErrSwapped, p.Fingerprint, now.Fingerprint)
	case now.Number < p.Number:
		return fmt.Errorf("%w: its config number is %d, but %d was seen already", ErrSwapped, now.Number, p.Number)
	}
	return nil
}

// rememberHead notes the newest manifest of an account.
func (r *Repo) rememberHead(h Head) error {
	_, unlock, _, err := r.lockPin()
	if err != nil {
		return err
	}
	defer unlock()
	p, err := readPin(r.pinPath())
	if err != nil || p == nil || p.Repository != r.ID() {
		return err
	}
	newest, known := ParseManifest(p.Heads[h.Account])
	if known && !h.Time.After(newest.Time) && !newest.Time.After(h.Stored.Add(earlyAtMost)) { // otherwise a clock was ahead
		return nil
	}
	if p.Heads == nil {
		p.Heads = map[string]string{}
	}
	p.Heads[h.Account] = h.Name
	return p.write(r.pinPath())
}

// rememberedHead is the newest manifest of an account that this host has seen; empty: none.
func (r *Repo) rememberedHead(account string) (string, error) {
	p, err := readPin(r.pinPath())
	if err != nil || p == nil || p.Repository != r.ID() {
		return "", err
	}
	return p.Heads[account], nil
}
