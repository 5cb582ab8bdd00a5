package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/repo"
)

type keyExportCommand struct {
	File string `arg:"" type:"path" help:"Where to write the copy: a file that does not exist yet, on another disk; \"-\" prints it."`
}

func (*keyExportCommand) Help() string {
	return `Writes a copy of the key file that opens the repository. Without its key nobody can read a repository, so keep a copy somewhere else: on a stick, in a password manager, on paper.

EXAMPLES

    mailstrata key export /media/stick/mailstrata.key
    mailstrata key export - | lpr

JSON: one object with key_file, role, fingerprint.

` + exitStatus
}

func (c *keyExportCommand) Run(ctx context.Context, p *program) error {
	l, err := p.place()
	if err != nil {
		return err
	}
	r, err := p.openPlace(ctx, l)
	if err != nil {
		return err
	}
	defer r.Close()
	from := p.keyFileOf(l)
	if from == "" {
		return &hintedError{text: "the repository was opened without a key file, so there is no file to copy", hint: "mailstrata key add --new-key-file FILE makes another key"}
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read the key file: %w", err)
	}
	if c.File == "-" {
		p.page()
		p.printf("%s", strings.TrimRight(string(text), "\n"))
		p.rememberCopy(r)
		return nil
	}
	err = writeNew(c.File, string(text))
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already, and a key file is never replaced", c.File)
	}
	if err != nil {
		return err
	}
	p.rememberCopy(r)
	role := "writer"
	if r.Keeper() {
		role = "owner"
	}
	if p.flags.JSON {
		return p.printJSON(struct {
			KeyFile     string `json:"key_file"`
			Role        string `json:"role"`
			Fingerprint string `json:"fingerprint"`
		}{c.File, role, r.Fingerprint()})
	}
	p.facts("key file", c.File, "role", role, "fingerprint", r.Fingerprint())
	return nil
}

// keyFileOf returns the key file that opens a place, or "" if a passphrase does.
func (p *program) keyFileOf(l *place) string {
	u := p.unlocking(l)
	if u.keyFile != "" {
		return u.keyFile
	}
	if _, err := os.Stat(l.key); l.key != "" && err == nil && !u.given {
		return l.key
	}
	return ""
}

// remindOfKey says at each backup into the user's own repository that its key lies beside it, until the user has copied
// one of them. For other repositories only doctor says so, because their owner chose where the key is.
func (p *program) remindOfKey(l *place, r *repo.Repo) {
	key := p.keyBeside(l, r)
	if key == "" || !l.own {
		return
	}
	p.note("note: the key %s lies beside the repository: what destroys one destroys both. Without the key nobody can read the archive.", safe(key))
	p.note("mailstrata key export FILE writes a copy of it to another disk; mailstrata copy makes a second repository.")
}

// keyBeside returns the owner's key file that opens a repository, if it lies beside it and no copy of either is known.
func (p *program) keyBeside(l *place, r *repo.Repo) string {
	key := p.keyFileOf(l)
	if key == "" || l.bucket != nil || !beside(key, l.path) || !r.Keeper() {
		return ""
	}
	memory, err := p.copyMemory(r)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(memory); err == nil {
		return ""
	}
	return key
}

// beside reports whether a file is in the directory of the repository, or in the one above.
func beside(file, directory string) bool {
	file, errFile := filepath.Abs(file)
	directory, err := filepath.Abs(directory)
	if errFile != nil || err != nil {
		return false
	}
	return filepath.Dir(file) == filepath.Dir(directory) || strings.HasPrefix(file, directory+string(filepath.Separator))
}

// copyMemory is the file whose presence means that the key or the repository was copied.
func (p *program) copyMemory(r *repo.Repo) (string, error) {
	state, err := p.stateDir()
	return filepath.Join(state, "copied-"+r.ID()), err
}

// rememberCopy makes the file of copyMemory. If that fails, the next backup reminds the user again.
func (p *program) rememberCopy(r *repo.Repo) {
	memory, err := p.copyMemory(r)
	if err == nil && os.MkdirAll(filepath.Dir(memory), 0o700) == nil {
		_ = os.WriteFile(memory, nil, 0o600)
	}
}
