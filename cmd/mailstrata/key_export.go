package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
)

type keyExportCommand struct {
	File string `arg:"" type:"path" help:"Where to write the copy: a new file on another disk; - prints it."`
}

func (*keyExportCommand) Help() string {
	return `Writes a copy of the key file that opens the repository. Keep it somewhere else: on a stick, in a password manager, on paper. Without its key, a repository cannot be read.

EXAMPLES

    mailstrata key export /media/stick/mailstrata.key
    mailstrata key export - | lpr

` + exitStatus
}

func (c *keyExportCommand) Run(ctx context.Context, p *program) error {
	l, err := p.Location("")
	if err != nil {
		return err
	}
	r, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	from := l.KeyFile()
	if from == "" {
		return &hint.Error{Text: "the repository was opened without a key file, so there is no file to copy", Hint: "mailstrata key add --new-key-file FILE makes another key"}
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read the key file: %w", err)
	}
	if c.File == "-" {
		p.Page()
		p.Printf("%s", strings.TrimRight(string(text), "\n"))
		p.RememberCopy(r)
		return nil
	}
	err = secret.WriteNew(c.File, string(text))
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists; mailstrata never replaces a key file", c.File)
	}
	if err != nil {
		return err
	}
	p.RememberCopy(r)
	role := "writer"
	if r.CanRemove() {
		role = "owner"
	}
	if p.flags.JSON {
		return p.PrintJSON(struct {
			KeyFile     string `json:"key_file"`
			Role        string `json:"role"`
			Fingerprint string `json:"fingerprint"`
		}{c.File, role, r.Fingerprint()})
	}
	p.Facts("key file", c.File, "role", role, "fingerprint", r.Fingerprint())
	return nil
}
