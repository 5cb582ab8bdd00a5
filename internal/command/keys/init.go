package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// Init creates a repository.
type Init struct {
	NewKeyFile string     `placeholder:"FILE" type:"path" help:"Write a key file (an age identity) that opens the repository without a passphrase. Default: the key_file of the configuration, if it is missing."`
	KeyRole    string     `enum:"owner,writer" default:"owner" help:"What the key file allows: owner (everything) or writer (archive and list, but neither read mail nor delete)."`
	Owner      []string   `sep:"none" placeholder:"PUBLIC-KEY" help:"Owner's key: age1…, or a line of ssh-ed25519 or ssh-rsa (repeatable). Without a passphrase, only the private keys of these open the repository as its owner; they need not be on this host."`
	OwnerFile  []string   `sep:"none" placeholder:"FILE" help:"File with the public key of an owner, such as ~/.ssh/id_ed25519.pub (repeatable)."`
	Lock       lockPeriod `placeholder:"DAYS" help:"Keep every object under Object Lock: each manifest can be restored for this long after it was written, even if it is deleted. Such as 30d."`
	LockMode   string     `enum:"governance,compliance" default:"governance" help:"governance: users with a special permission can end locks. compliance: no user can end them, not even you."`
	NoSeal     bool       `help:"Do not encrypt. Anybody who can read the repository can read the mail."`
}

func (*Init) Help() string {
	return `A passphrase, a key file or both open the repository. With --new-key-file for an owner and no passphrase, the file is the only key. A writer's key file is for hosts that run backups every night: a thief can read no mail with it. It needs a passphrase beside it, or --owner.

--owner and --owner-file name public keys. Then no private key of an owner is ever on this host.

Keep a copy of the key file or the passphrase somewhere else. Without a key the archive cannot be read.

mailstrata creates the bucket if its credentials may. It tests the store first, and refuses one that lets an object be replaced.

With --lock, a bucket for mailstrata alone gets a default retention, so that backups need no right but to put, get and list. With a prefix, or where the default cannot be set, mailstrata sets the retention of each object, which needs s3:PutObjectRetention. Run backup with this right, or prune, at least once in half a period: they renew the locks. "mailstrata lock" extends the period; nothing shortens it.

EXAMPLES

    mailstrata init --repo s3:https://s3.example/mail
    mailstrata init --repo s3:https://s3.example/mail --lock 30d
    mailstrata init --repo /srv/mail --new-key-file ~/mailstrata.key
    mailstrata init --repo /srv/mail --new-key-file new.key --key-role writer
    mailstrata init --repo /srv/anna --owner-file anna.pub \
        --owner-file office.pub --new-key-file anna.key --key-role writer

` + cli.ExitStatus
}

func (c *Init) Validate() error {
	if c.NoSeal && len(c.Owner)+len(c.OwnerFile) > 0 {
		return errors.New("--no-seal and --owner exclude each other: a repository that is not encrypted has no keys")
	}
	if c.NoSeal && c.NewKeyFile != "" {
		return errors.New("--no-seal and --new-key-file exclude each other: a repository that is not encrypted has no keys")
	}
	if c.KeyRole == "writer" && c.NewKeyFile == "" {
		return errors.New("--key-role needs --new-key-file")
	}
	if c.LockMode == "compliance" && c.Lock == 0 {
		return errors.New("--lock-mode needs --lock")
	}
	return nil
}

func (c *Init) Run(ctx context.Context, p *cli.Program) error {
	l, err := p.Location("")
	if err != nil {
		return err
	}
	p.BeInteractive()
	if l.Own {
		return &hint.Usage{
			Text: "--repo is missing",
			Hint: "mailstrata backup without --repo creates one in your data directory",
		}
	}
	if l.IsRepository(ctx) { // before it makes a key or asks for a passphrase
		return fmt.Errorf("%s: %w", l, repo.ErrRepository)
	}
	c.takeKeyFile(l)
	o, key, err := c.options(ctx, p, l)
	if err != nil {
		return err
	}
	if c.Lock > 0 {
		o.Lock = &objectlock.Lock{Days: int(c.Lock), Compliance: c.LockMode == "compliance"}
	}
	r, err := l.Create(ctx, o, key)
	if err != nil {
		return err
	}
	defer r.Close()
	warnOfClock(ctx, p, r)
	return c.print(p, l, r)
}

// clockAhead is by how much the clocks of a store and of this host may differ before init says so.
const clockAhead = time.Hour

// warnOfClock warns of a store whose clock is wrong: each backup would have its time.
func warnOfClock(ctx context.Context, p *cli.Program, r *repo.Repo) {
	before := time.Now()
	there, err := r.Now(ctx)
	if err != nil {
		return // the first backup says so
	}
	if text := clocksDiffer(there, before); text != "" {
		p.Warn("%s", text)
	}
}

// clocksDiffer says that the clocks of a store and of this host differ, or returns "".
func clocksDiffer(store, host time.Time) string {
	skew := store.Sub(host).Round(time.Second).Abs()
	if skew <= clockAhead {
		return ""
	}
	return fmt.Sprintf("the clock of the store shows %s, and that of this host %s, %s apart: set the wrong one (NTP) before the first backup",
		ui.Time(store), ui.Time(host), skew)
}

// takeKeyFile sets the key file to the missing one of the configuration, unless the user names
// other keys.
func (c *Init) takeKeyFile(l *access.Location) {
	k, own := l.Keys(), l.Configured.KeyFile
	if c.NewKeyFile != "" || c.NoSeal || len(c.Owner)+len(c.OwnerFile) > 0 || k.Given || k.KeyFile() != own {
		return
	}
	if _, err := os.Stat(own); own != "" && errors.Is(err, fs.ErrNotExist) {
		c.NewKeyFile = own
	}
}

// options returns the keys of the new repository.
func (c *Init) options(
	ctx context.Context, p *cli.Program, l *access.Location,
) (o repo.InitOptions, key *secret.KeyFile, err error) {
	if o.Options, err = l.Options(); err != nil {
		return o, nil, err
	}
	if o.NoSeal = c.NoSeal; o.NoSeal {
		return o, nil, nil
	}
	if o.Owners, err = c.owners(p); err != nil {
		return o, nil, err
	}
	if !c.withoutPassphrase(p, l) {
		s := l.Keys().Passphrase
		s.Twice = true
		if o.Passphrase, err = p.Secrets.ReadOrKeep(ctx, s); err != nil { // store it before the repository needs it
			if missing := new(hint.Error); errors.As(err, &missing) && c.NewKeyFile == "" {
				missing.Hint = "--new-key-file FILE makes a key file, without a passphrase; or " + missing.Hint
			}
			return o, nil, err
		}
		if n := utf8.RuneCount(o.Passphrase); n < secret.ShortPassphrase {
			p.Warn("the passphrase has only %s: anybody who gets a copy of the repository can guess it. Take several words, or a key file (--new-key-file)",
				ui.Plural(n, "character"))
		}
	}
	if c.NewKeyFile == "" {
		return o, nil, nil
	}
	if key, err = secret.CreateKeyFile(c.NewKeyFile); err != nil {
		return o, nil, err
	}
	if c.KeyRole == "writer" {
		o.Writers = []age.Recipient{key.Identity.Recipient()}
	} else {
		o.Owners = append(o.Owners, key.Identity.Recipient())
	}
	return o, key, nil
}

// withoutPassphrase reports whether the repository has an owner without a passphrase, and none is
// given.
func (c *Init) withoutPassphrase(p *cli.Program, l *access.Location) bool {
	owner := c.NewKeyFile != "" && c.KeyRole == "owner" || len(c.Owner)+len(c.OwnerFile) > 0
	return owner && !p.Secrets.Given(l.Keys().Passphrase)
}

// owners returns the public keys of the flags.
func (c *Init) owners(p *cli.Program) (owners []age.Recipient, err error) {
	texts := slices.Clone(c.Owner)
	for _, file := range c.OwnerFile {
		if file, err = p.Expand(file); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the public key: %w", err)
		}
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		recipient, err := keys.ParseRecipient(text)
		if err != nil {
			return nil, &hint.Usage{Text: err.Error(), Hint: publicKeyHint}
		}
		owners = append(owners, recipient)
	}
	return owners, nil
}

func (c *Init) print(p *cli.Program, l *access.Location, r *repo.Repo) error {
	if p.JSON {
		document := struct {
			Repository  string       `json:"repository"`
			ID          string       `json:"id"`
			Fingerprint string       `json:"fingerprint"`
			Sealed      bool         `json:"sealed"`
			KeyFile     string       `json:"key_file,omitempty"`
			KeyRole     string       `json:"key_role,omitempty"`
			Lock        *lockSummary `json:"lock,omitempty"`
		}{Repository: l.String(), ID: r.ID(), Fingerprint: r.Fingerprint(), Sealed: r.Sealed(), KeyFile: c.NewKeyFile, Lock: summarizeLock(r.Lock())}
		if c.NewKeyFile != "" {
			document.KeyRole = c.KeyRole
		}
		return p.PrintJSON(document)
	}
	p.Facts("repository", l.String(), "id",
		r.ID(), "fingerprint", r.Fingerprint(), "key file", c.NewKeyFile, "lock", access.DescribeLock(r.Lock()))
	switch {
	case c.NoSeal:
		p.Note("This repository is not encrypted: anybody who can read it can read the mail.")
	case len(c.Owner)+len(c.OwnerFile) > 0:
		p.Note("Only an owner's private key reads the archive. Make sure that each owner has theirs, and a copy of it.")
	case c.withoutPassphrase(p, l):
		p.Note("The key file is the only key. Keep a copy of it somewhere else: without it the archive cannot be read.")
	case c.NewKeyFile != "":
		p.Note("Keep a copy of the passphrase or of an owner's key file somewhere else: without one the archive cannot be read.")
	default:
		p.Note("Keep a copy of the passphrase somewhere else: without it the archive cannot be read.")
	}
	return nil
}
