// Package browse has the command browse: the archive in a terminal.
//
//	browse.go ──► lists.go     accounts, backups, mailboxes: lists of internal/picker
//	           ├► messages.go  messages, those that a search finds, and the text of one
//	           └► restore.go   the command lines that restore what is marked
package browse

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/picker"
	"github.com/mailstrata/mailstrata/internal/picker/terminal"
	"github.com/mailstrata/mailstrata/repo"
)

// Command shows the archive in a terminal.
type Command struct {
	Manifest string `arg:"" optional:"" help:"Begin with this manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed. Default: the list of all."`
	Mailbox  string `arg:"" optional:"" help:"Begin with this mailbox."`
	To       string `group:"target" placeholder:"TARGET" help:"Offer this as the target of a restore. Default: the account that was archived."`
}

func (*Command) Help() string {
	return `Shows backups, their mailboxes and messages in the terminal, to look around, to read, and to restore: mark what you want with the space bar, and press r. mailstrata then shows the command that restores it, and runs it if you say so. "mailstrata serve" shows the same in a browser.

Keys: Up, Down, Page up, Page down, Home, End; Enter opens; Esc goes back; / searches sender, recipients and subject in what is shown: a mailbox, all mailboxes of a backup, or all backups, and "mailstrata find" also finds words in the text of messages; Space marks; r restores; ? shows all keys; q quits.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata browse
    mailstrata browse friday
    mailstrata browse latest INBOX

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 130 interrupted. If a restore ran: its exit status.`
}

func (c *Command) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	if p.JSON || !p.HasTerminal() {
		return &hint.Usage{Text: "browse needs a terminal", Hint: "mailstrata list, ls, find and show print the same"}
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	choice, err := c.pick(ctx, p, r)
	r.Close()
	if err != nil || choice == nil {
		return err
	}
	return runChoice(ctx, p, again, choice)
}

// pick shows the archive until somebody quits, or chooses what to restore.
func (c *Command) pick(ctx context.Context, p *cli.Program, r *repo.Repo) (*picker.Choice, error) {
	if err := access.MayRead(r); err != nil {
		return nil, err
	}
	b := &browser{repo: r, reader: archive.NewReader(r)}
	b.reader.Keep(repo.KeptMail)
	lists, err := c.begin(ctx, p, b)
	if err != nil {
		return nil, err
	}
	target := func(items []any) string { return cmp.Or(c.To, b.source(p, items)) }
	var notes strings.Builder // they would be in the middle of the screen
	back := p.Divert(&notes)
	choice, err := terminal.Run(ctx, picker.New(target, lists...))
	back()
	_, _ = io.WriteString(p.Process.Stderr, notes.String())
	return choice, err
}

// begin returns the lists that are shown first: the last one is on top.
func (c *Command) begin(ctx context.Context, p *cli.Program, b *browser) ([]*picker.List, error) {
	latest, err := archive.Latest(ctx, b.repo)
	if err != nil {
		return nil, err
	}
	if len(latest) == 0 {
		return nil, &hint.Error{Text: "there is no complete backup", Hint: "mailstrata backup makes one"}
	}
	slices.SortFunc(latest, func(a, b *archive.Contents) int { return cmp.Compare(a.Manifest.Account, b.Manifest.Account) })
	b.latest = latest
	var lists []*picker.List
	if len(latest) > 1 {
		lists = append(lists, b.accounts())
	}
	if c.Manifest == "" {
		if len(latest) == 1 {
			nights, err := b.nights(ctx, latest[0].Manifest.Account)
			return append(lists, nights), err
		}
		return lists, nil
	}
	contents, err := named.Manifest(ctx, p.Output, b.repo, c.Manifest)
	if err != nil {
		return nil, err
	}
	nights, err := b.nights(ctx, contents.Manifest.Account)
	if err != nil {
		return nil, err
	}
	mailboxes, err := b.mailboxes(ctx, contents)
	if lists = append(lists, nights, mailboxes); err != nil || c.Mailbox == "" {
		return lists, err
	}
	mailbox, err := named.Mailbox(ctx, b.repo, contents, c.Mailbox)
	if err != nil {
		return nil, err
	}
	return append(lists, b.messages(contents, mailbox)), nil
}

// source returns the account that some items are of, or "" if they are of several, or if it is not
// on a server.
func (b *browser) source(p *cli.Program, items []any) string {
	source := ""
	for _, item := range items {
		account := headOf(item).Account
		of := slices.IndexFunc(b.latest, func(c *archive.Contents) bool { return c.Head.Account == account })
		if of < 0 || source != "" && b.latest[of].Manifest.Source != source {
			return ""
		}
		source = b.latest[of].Manifest.Source
	}
	return p.SourceTarget(source)
}
