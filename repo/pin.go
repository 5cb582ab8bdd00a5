package repo

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
		return nil, fmt.Errorf("read what this host knows of the repository: %w", err)
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
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = replaceFile(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remember the repository: %w", err)
	}
	return nil
}

// replaceFile writes a file so that a crash leaves the old or the new.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// checkPin compares the repository with what this host, or else the key file, remembers of it, and remembers it.
func (r *Repo) checkPin(keyFingerprint string) error {
	path := r.pinPath()
	old, err := readPin(path)
	if err != nil {
		return err
	}
	now := &pin{
		Location: r.options.Location, Repository: r.ID(),
		Fingerprint: r.Fingerprint(), Number: r.config.Number,
	}
	switch {
	case r.options.Trust == now.Fingerprint:
	case r.options.Trust != "":
		return fmt.Errorf("%w: its fingerprint is %s, not %s", ErrSwapped, now.Fingerprint, r.options.Trust)
	case old != nil:
		err = old.accepts(now)
	case keyFingerprint != "" && keyFingerprint != now.Fingerprint:
		err = fmt.Errorf("%w: the key file names fingerprint %s, the repository has %s",
			ErrSwapped, keyFingerprint, now.Fingerprint)
	}
	if err != nil || path == "" {
		return err
	}
	if old != nil && old.Repository == now.Repository {
		now.Heads = old.Heads
		if old.Fingerprint == now.Fingerprint {
			return nil
		}
	}
	return now.write(path)
}

func (p *pin) accepts(now *pin) error {
	switch {
	case p.Repository != now.Repository:
		return fmt.Errorf("%w: repository %s was here, now it is %s", ErrSwapped, p.Repository, now.Repository)
	case now.Number < p.Number:
		return fmt.Errorf("%w: its config number is %d, but %d was seen already", ErrSwapped, now.Number, p.Number)
	case now.Fingerprint != p.Fingerprint:
		return fmt.Errorf("%w: its keys or recipients changed, from fingerprint %s to %s; if that was you, trust the new one",
			ErrSwapped, p.Fingerprint, now.Fingerprint)
	}
	return nil
}

// rememberHead notes the newest manifest of an account.
func (r *Repo) rememberHead(h Head) error {
	path := r.pinPath()
	p, err := readPin(path)
	if err != nil || p == nil {
		return err
	}
	if p.Heads == nil {
		p.Heads = map[string]string{}
	}
	p.Heads[h.Account] = h.Name
	return p.write(path)
}

// rememberedHead is the newest manifest of an account that this host has seen; empty: none.
func (r *Repo) rememberedHead(account string) (string, error) {
	p, err := readPin(r.pinPath())
	if err != nil || p == nil || p.Repository != r.ID() {
		return "", err
	}
	return p.Heads[account], nil
}
