package maintain

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/replicate"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Copy copies manifests and their mail to another repository.
type Copy struct {
	Manifest []string `arg:"" optional:"" help:"Only these manifests. Default: all complete ones."`

	To                string `required:"" placeholder:"PLACE" help:"Repository to copy to: a directory, s3:https://host[:port]/bucket[/prefix], sftp:[user@]host:/directory, or a name in the configuration. mailstrata init creates one."`
	ToKeyFile         string `placeholder:"FILE" type:"path" var:"MAILSTRATA_TO_KEY_FILE" help:"Key file that opens it. A writer's key is enough."`
	ToPasswordFile    string `placeholder:"FILE" type:"path" help:"File that holds its passphrase. (MAILSTRATA_TO_PASSWORD holds the passphrase itself.)"`
	ToPasswordCommand string `placeholder:"COMMAND" help:"Command that prints its passphrase."`

	AllowEmpty bool `help:"Write a copy even if no message of a manifest can be read."`

	cli.WatchFlags `embed:""`
}

// IsWhole reports whether all accounts are meant. The monitoring of the configuration is for such
// runs.
func (c *Copy) IsWhole() bool { return len(c.Manifest) == 0 }

func (*Copy) Help() string {
	return `Copies manifests and their mail into another repository, which has its own keys. It skips manifests that the target has, and those that were forgotten there, unless you name them. You can run it every night, after the backup. Every message is verified on the way.

A copy leaves out what cannot be read, and says so. Later copies try again: if one can read more, it writes another copy, after the first. So a manifest that was repaired with losses becomes whole when you copy it back from a repository where it is whole.

Pins and other tags are copied too, if the key of the target is an owner's.

EXAMPLES

    mailstrata copy --to /mnt/usb/mail --to-key-file usb.key
    mailstrata copy latest --to s3:https://s3.example/second

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some messages or manifests could not be read; 130 interrupted.`
}

// copySummary is a copied manifest as JSON.
type copySummary struct {
	ID       string `json:"id"`
	Account  string `json:"account,omitempty"`
	Time     string `json:"time"`
	Messages int64  `json:"messages"`
	Copy     string `json:"copy,omitempty"`
	Present  bool   `json:"present"`
	Mended   bool   `json:"mended"`
	Gone     bool   `json:"forgotten"`
	Erased   bool   `json:"erased,omitempty"`
	Lost     int    `json:"lost"`

	Untagged []string `json:"untagged,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func (c *Copy) Run(ctx context.Context, p *cli.Program) error {
	p.LimitMemory(cli.ArchivingMemoryLimit())
	target, err := p.Location(c.To)
	if err != nil {
		return err
	}
	from, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := access.MayRead(from); err != nil {
		return err
	}
	wants, err := c.wants(ctx, p, from)
	if err != nil {
		return err
	}
	to, err := c.open(ctx, p, target)
	if err != nil {
		return err
	}
	defer to.Close()
	if from.ID() == to.ID() {
		return hint.Usagef("--to is the repository to copy from")
	}
	progress := p.Progress("copied")
	progress.Begin("listing the target")
	listing := &copyListing{program: p, progress: progress}
	var done ui.Tally
	err = replicate.Copy(ctx, replicate.CopyOptions{
		From: from, To: to, Wants: wants, Empty: c.AllowEmpty,
		Expect: func(messages int64) { done.Total = messages },
		Progress: func(record manifest.Record) {
			done.Messages++
			done.Bytes += record.Size
			progress.Update("", done)
		},
	}, listing.add)
	progress.Done()
	if err := errors.Join(err, listing.err); err != nil {
		return err
	}
	p.RecordCopy(from)
	return listing.end()
}

// open opens the repository to copy to.
func (c *Copy) open(ctx context.Context, p *cli.Program, l *access.Location) (*repo.Repo, error) {
	k := l.KeysOf(access.KeyFlags{
		KeyFile: c.ToKeyFile, KeyFileFlag: "to-key-file", PasswordFile: c.ToPasswordFile, PasswordCommand: c.ToPasswordCommand,
		Passphrase: secret.Source{
			Name: "passphrase of the repository to copy to", Variable: "MAILSTRATA_TO_PASSWORD",
			Flag: "--to-password",
		},
	})
	k.Ask = func() ([]byte, error) { return p.Secrets.Read(ctx, k.Passphrase) }
	return l.OpenWith(ctx, k)
}

// wants returns a function that reports whether a manifest was named.
func (c *Copy) wants(ctx context.Context, p *cli.Program, from *repo.Repo) (func(archive.Summary) bool, error) {
	if len(c.Manifest) == 0 {
		return nil, nil
	}
	chosen := make(map[string]bool)
	for _, text := range c.Manifest {
		contents, err := named.Manifest(ctx, p.Output, from, text)
		if err != nil {
			return nil, err
		}
		chosen[contents.Head.Name] = true
	}
	return func(s archive.Summary) bool { return chosen[s.Head.Name] }, nil
}

// mostCopied is how many manifests that are copied are listed. Of the others, only those with
// something to report are.
const mostCopied = 50

// copyListing prints manifests as they are copied.
type copyListing struct {
	program               *cli.Program
	progress              *ui.Progress
	copied, present, gone int
	erased                int
	lost, unread          int
	untagged              int
	more                  int // manifests that are copied and not listed
	err                   error
}

func (l *copyListing) add(c replicate.Copied) {
	switch {
	case c.Err != nil:
		l.unread++
	case c.Present:
		l.present++
	case c.Gone:
		l.gone++
	case c.Erased:
		l.erased++
	default:
		l.copied++
	}
	l.lost += len(c.Lost)
	if len(c.Untagged) > 0 {
		l.untagged++
	}
	if l.program.JSON {
		l.err = errors.Join(l.err, l.program.PrintJSON(summarizeCopy(c)))
		return
	}
	l.progress.Done()
	switch {
	case c.Err != nil:
		l.program.Warn("manifest %s cannot be read, and is not copied: %s",
			summary.ShortID(c.Summary.Head), ui.OneLine(c.Err.Error()))
	case !c.Present && !c.Gone && !c.Erased && l.copied > mostCopied:
		l.more++
	case !c.Present && !c.Gone && !c.Erased:
		mended := ""
		if c.Improved {
			mended = "  (more than the earlier copy)"
		}
		l.program.Printf("%s  %s  %s  %s%s", summary.ShortID(c.Summary.Head), ui.Safe(c.Manifest.Account),
			ui.Time(c.Summary.Head.Time), ui.Plural(c.Manifest.Totals.Messages, "message"), mended)
	}
	if len(c.Lost) > 0 {
		l.program.Warn("manifest %s: %s could not be read, and the copy lacks them: %s", summary.ShortID(c.Summary.Head),
			ui.Plural(len(c.Lost), "message or page"), ui.OneLine(c.Lost[0].Reason))
	}
}

func summarizeCopy(c replicate.Copied) copySummary {
	s := copySummary{ID: summary.ID(c.Summary.Head), Time: c.Summary.Head.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Present: c.Present, Mended: c.Improved, Gone: c.Gone, Erased: c.Erased, Lost: len(c.Lost), Untagged: c.Untagged}
	if c.Manifest != nil {
		s.Account, s.Messages = c.Manifest.Account, c.Manifest.Totals.Messages
	}
	if c.Head.Name != "" {
		s.Copy = summary.ID(c.Head)
	}
	if c.Err != nil {
		s.Error = c.Err.Error()
	}
	return s
}

func (l *copyListing) end() error {
	if !l.program.JSON {
		forgotten := ""
		if l.gone > 0 {
			forgotten = fmt.Sprintf(", %d forgotten in the target", l.gone)
		}
		if l.erased > 0 {
			forgotten += fmt.Sprintf(", %d of erased accounts", l.erased)
		}
		if l.more > 0 {
			l.program.Note("and %s more; --json lists all", ui.Count(l.more))
		}
		l.program.Printf("%s copied, %d already present%s", ui.Plural(l.copied, "manifest"), l.present, forgotten)
	}
	if l.untagged > 0 {
		l.program.Warn("the tags and pins of %s were not copied: that needs an owner's key of the target",
			ui.Plural(l.untagged, "manifest"))
	}
	if l.lost == 0 && l.unread == 0 {
		return nil
	}
	return cli.Partial(fmt.Sprintf("could not be read: %s, %s; mailstrata check --read-data shows why",
		ui.Plural(l.unread, "manifest"), ui.Plural(l.lost, "message or page")))
}
