package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/restore"
)

// files is a tree of Maildirs or of .eml files as a target.
func (c *restoreCommand) files(kind, path string) (*destination, error) {
	place, err := realPath(path)
	if err != nil {
		return nil, err
	}
	d := &destination{place: "files " + place}
	if kind == "eml" {
		d.open = func(context.Context, *program) (restore.Target, error) { return eml.New(path), nil }
		return d, nil
	}
	o := maildir.Options{
		Layout: map[string]maildir.Layout{"maildir++": maildir.MaildirPP, "nested": maildir.Nested}[c.Layout],
		EOL:    map[string]maildir.EOL{"auto": maildir.Auto, "lf": maildir.LF, "keep": maildir.AsIs}[c.EOL],
	}
	d.open = func(context.Context, *program) (restore.Target, error) { return maildir.New(path, o), nil }
	return d, nil
}

// realPath resolves the symbolic links of a path, as far as it exists.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for at, rest := path, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return path, nil // what is wrong with it is reported when it is opened
		}
	}
}

// alone waits until no other restore of this user on this host writes to the target, because each would add what the
// other is about to add. If there can be no lock, it warns and goes on.
func (p *program) alone(ctx context.Context, d *destination, named string) (release func(), err error) {
	state, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(d.place))
	path := filepath.Join(state, "restoring", hex.EncodeToString(name[:16])+".lock")
	release, missing, err := local.Lock(ctx, path, func(process string) {
		if process != "" {
			process = fmt.Sprintf(" (process %s)", safe(process))
		}
		p.say(fmt.Sprintf("another restore into %s is under way on this host%s: waiting for it to end", safe(named), process))
	})
	if ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		missing, release = err, func() {}
	}
	if missing != nil {
		p.warn("do not run a second restore into this target at the same time, because messages would be added twice: %s", oneLine(missing.Error()))
	}
	return release, nil
}
