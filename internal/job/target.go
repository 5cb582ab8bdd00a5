package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/imap/imaprestore"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/jmaprestore"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/mbox/mboxrestore"
	"github.com/mailstrata/mailstrata/restore"
)

// TargetFlags say how to write to a target.
type TargetFlags struct {
	Layout, EOL string // of Maildirs
	Account     access.AccountFlags
}

// fileKinds are the targets that are files: kind:PATH.
var fileKinds = []string{"maildir", "eml", "mbox", "zip", "tar"}

// IsFiles reports whether a kind of target is files on this host.
func IsFiles(kind string) bool { return slices.Contains(fileKinds, strings.ToLower(kind)) }

// files returns files as a destination.
func (f *TargetFlags) files(kind, path string) (*Destination, error) {
	place, err := realPath(path)
	if err != nil {
		return nil, err
	}
	d := &Destination{place: "files " + place}
	opened := func(target restore.Target) (*Destination, error) {
		d.Open = func(context.Context, *access.Host) (restore.Target, error) { return target, nil }
		return d, nil
	}
	switch kind {
	case "eml":
		return opened(eml.New(path))
	case "zip":
		return opened(eml.NewZIP(path))
	case "tar":
		return opened(eml.NewTar(path))
	case "mbox":
		return opened(mboxrestore.New(path))
	}
	o := maildir.Options{
		Layout: map[string]maildir.Layout{"maildir++": maildir.MaildirPP, "nested": maildir.Nested}[f.Layout],
		EOL:    map[string]maildir.EOL{"auto": maildir.Auto, "lf": maildir.LF, "keep": maildir.AsIs}[f.EOL],
	}
	return opened(maildir.New(path, o))
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
			return path, nil // opening it will report the error
		}
	}
}

// Lock waits until no other restore of this user on this host writes to the target, because each
// would add what the other is about to add. If the file system has no locks, it warns and
// continues.
func (d *Destination) Lock(ctx context.Context, h *access.Host, named string) (release func(), err error) {
	state, err := h.StateDir()
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(d.place))
	path := filepath.Join(state, "restoring", hex.EncodeToString(name[:16])+".lock")
	release, missing, err := local.Lock(ctx, path, func(process string) {
		if process != "" {
			process = fmt.Sprintf(" (process %s)", ui.Safe(process))
		}
		h.Output.Say(fmt.Sprintf("another restore into %s is running on this host%s: waiting for it to end",
			ui.Safe(named), process))
	})
	if ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		missing, release = err, func() {}
	}
	if missing != nil {
		h.Output.Warn("do not run a second restore into this target at the same time: it would add messages twice (%s)", ui.OneLine(missing.Error()))
	}
	return release, nil
}

// Destination is a target before it is opened.
type Destination struct {
	place string // the same for all ways to name it
	Open  func(context.Context, *access.Host) (restore.Target, error)

	account *access.Account // on a server; nil: it is files
	flags   *access.AccountFlags
}

// Advise adds to an error of the target what the user can do about it: where the password is that
// was refused.
func (d *Destination) Advise(err error) error {
	if err == nil || d.account == nil {
		return err
	}
	return d.account.AdviseLogin(d.flags, err)
}

// ParseDestination parses the value of --to.
func ParseDestination(h *access.Host, to string, f *TargetFlags) (*Destination, error) {
	if a, err := h.ConfiguredAccount(to); err != nil {
		return nil, err
	} else if a != nil {
		return f.server(a), nil
	}
	kind, path, _ := strings.Cut(to, ":")
	kind = strings.ToLower(kind)
	switch {
	case slices.Contains(fileKinds, kind) && path == "":
		return nil, hint.Usagef("--to %s: the path is missing", kind)
	case slices.Contains(fileKinds, kind):
		path, err := h.Expand(path)
		if err != nil {
			return nil, err
		}
		return f.files(kind, path)
	case kind == "imap", kind == "imaps", kind == "jmap":
		a, err := h.AccountAt(to)
		if err != nil {
			return nil, err
		}
		return f.server(a), nil
	}
	wrong := &hint.Usage{
		Text: fmt.Sprintf("--to: unknown target %s", ui.Quote(kind)),
		Hint: "use maildir:PATH, mbox:PATH, eml:PATH, zip:FILE, tar:FILE, imaps://user@host, imap://user@host or jmap:https://user@host",
	}
	if !strings.Contains(to, ":") {
		wrong.Text = "--to: unknown target"
		wrong.Hint = fmt.Sprintf("use maildir:%s, mbox:%[1]s, eml:%[1]s, zip:%[1]s or imaps://user@host", ui.Safe(to))
		if near := ui.DidYouMean(to, h.Names()); near != "" {
			wrong.Hint += ", or an account of the configuration: " + near
		}
	}
	return nil, wrong
}

// server returns an account on a server as a destination.
func (f *TargetFlags) server(a *access.Account) *Destination {
	if a.JMAP.IsZero() {
		return f.imap(a)
	}
	return &Destination{place: a.JMAP.String(), account: a, flags: &f.Account, Open: func(ctx context.Context, h *access.Host) (restore.Target, error) {
		if err := h.UnlockAccount(ctx, a, &f.Account); err != nil {
			return nil, err
		}
		return jmaprestore.New(jmap.NewClient(a.JMAPOptions()), warnWaiting(h)), nil
	}}
}

// warnWaiting returns a function that says that a server asks to wait.
func warnWaiting(h *access.Host) func(time.Duration, error) {
	return func(asked time.Duration, cause error) {
		h.Output.WarnAside("the server asks to wait for %v: %s", asked, ui.OneLine(cause.Error()))
	}
}

func (f *TargetFlags) imap(a *access.Account) *Destination {
	place := "imap " + strings.ToLower(a.Options.Address()) + " " + a.Options.User
	return &Destination{place: place, account: a, flags: &f.Account, Open: func(ctx context.Context, h *access.Host) (restore.Target, error) {
		if err := h.UnlockAccount(ctx, a, &f.Account); err != nil {
			return nil, err
		}
		a.Options.Waiting = warnWaiting(h)
		return imaprestore.NewTarget(a.Options), nil
	}}
}
