package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

type findCommand struct {
	Manifest string   `arg:"" optional:"" help:"Search this manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed. Default: the newest manifest of each account."`
	Text     []string `arg:"" optional:"" help:"Text in the sender, a recipient or the subject (repeatable; all must match). The first may replace MANIFEST."`

	All           bool   `group:"query" help:"Search all manifests. Each message is listed once, with the oldest and the newest manifest that has it."`
	Account       string `group:"query" placeholder:"NAME" help:"Search only this account."`
	To            string `group:"query" aliases:"recipient" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc."`
	queryFlags    `embed:""`
	job.Selection `embed:""`
}

func (*findCommand) Help() string {
	return `Finds messages and prints where they are, for "mailstrata cat" and "mailstrata restore --message". ` + queryHelp + `

With --all, it finds deleted messages too. LAST is the newest manifest that has the message: restore it from there.

Names of attachments are looked for in Content-Disposition and Content-Type; of a very long text without attachments, only in the first and the last half MiB. ` + job.PatternHelp + `

EXAMPLES

    mailstrata find bridge
    mailstrata find --from joao --subject bridge
    mailstrata find 2026-03-14 --attachment .pdf --larger 1M
    mailstrata find --all --message-id 4711@mail.example
    mailstrata find --all --mailbox Projects --since 2026-03-01 --before 2026-04-01 --flag flagged
    mailstrata restore 3f9a --mailbox Projects --message 12 --to maildir:/tmp/found

EXIT STATUS

0 done, whether something was found or not; 1 failed; 2 invalid command line; 3 done, but some of it could not be read; 130 interrupted.`
}

// textFirst treats the first word as text to search for, if it cannot name a manifest.
func (c *findCommand) textFirst() {
	if c.Manifest == "" {
		return
	}
	if _, err := parseRef(c.Manifest); err != nil {
		c.Manifest, c.Text = "", append([]string{c.Manifest}, c.Text...)
	}
}

func (c *findCommand) Run(ctx context.Context, p *program) error {
	c.textFirst()
	query, err := c.query(c.To)
	query.Texts = c.Text
	switch {
	case err != nil:
		return err
	case query.IsZero() && len(c.Mailbox) == 0:
		return &hint.Usage{Text: "nothing to search for", Hint: "mailstrata find TEXT, --from TEXT, --subject TEXT, --since DATE …; mailstrata find --help shows all"}
	case c.All && c.Manifest != "":
		return hint.Usagef("--all searches all manifests; do not name one")
	case c.Account != "" && c.Manifest != "":
		return hint.Usagef("put the account before the manifest: %s@%s", ui.Safe(c.Account), ui.Safe(c.Manifest))
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if query.ReadsMail() {
		if err := access.MayRead(r); err != nil {
			return err
		}
	}
	p.Page()
	s := &searchResults{program: p, query: query, selection: &c.Selection, readable: r.CanRead()}
	if c.All {
		err = s.everywhere(ctx, r, c.Account)
	} else {
		err = s.newest(ctx, r, c.Manifest, c.Account)
	}
	if s.table != nil {
		s.table.Flush()
	}
	if err != nil {
		return err
	}
	if s.found == 0 {
		p.Note("nothing found%s", cmp.Or(s.where, "; --all searches older manifests too"))
	}
	if s.unread > 0 {
		return &outcome{statusPartial, "some of it could not be read"}
	}
	return nil
}

// searchResults prints what is found as it is found.
type searchResults struct {
	*program
	query     search.Query
	selection *job.Selection
	readable  bool
	table     *ui.Table
	where     string
	accounts  bool // there are several
	found     int64
	unread    int
}

func (s *searchResults) wants(m *manifest.Mailbox) bool { return s.selection.Wants(&m.Mailbox) }

// newest searches one manifest, or the newest of each account.
func (s *searchResults) newest(ctx context.Context, r *repo.Repo, named, account string) error {
	if account != "" {
		named = account + "@latest"
	}
	var manifests []*archive.Contents
	var err error
	if named == "" {
		r.PrepareIndex(ctx)
		manifests, err = archive.Latest(ctx, r)
	} else {
		manifests = make([]*archive.Contents, 1)
		manifests[0], err = s.openManifest(ctx, r, named)
	}
	if err != nil {
		return err
	}
	if len(manifests) == 0 {
		s.where = ": there are no manifests yet; mailstrata backup creates one"
	}
	if len(manifests) == 1 {
		if err := s.checkNames(ctx, s.selection, r, manifests[0]); err != nil {
			return err
		}
	}
	s.accounts = len(manifests) > 1
	for _, contents := range manifests {
		contents.KeepMail()
		for found, err := range search.Find(ctx, contents, s.query, s.wants) {
			if err := s.add(ctx, &search.Hit{Match: found, Contents: contents}, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// everywhere searches all manifests.
func (s *searchResults) everywhere(ctx context.Context, r *repo.Repo, account string) error {
	s.where = " in any manifest"
	s.accounts = account == ""
	for found, err := range search.FindAll(ctx, r, account, s.query, s.wants) {
		if err := s.add(ctx, found, err); err != nil {
			return err
		}
	}
	return nil
}

// add prints a message, or what could not be read.
func (s *searchResults) add(ctx context.Context, found *search.Hit, err error) error {
	if err != nil {
		return s.reportDamage(ctx, err)
	}
	s.found++
	message, err := s.summarizeMessage(ctx, found.Contents, found.Mailbox, found.Entry, s.readable)
	if err != nil {
		if err := s.reportDamage(ctx, err); err != nil {
			return err
		}
	}
	if s.flags.JSON {
		return s.PrintJSON(s.document(found, message))
	}
	s.row(found, message)
	return nil
}

// reportDamage counts and prints what could not be read. It returns any other error.
func (s *searchResults) reportDamage(ctx context.Context, err error) error {
	if ctx.Err() != nil || !archive.IsDamage(err) {
		return cmp.Or(context.Cause(ctx), err)
	}
	s.unread++
	s.Warn("%s", ui.OneLine(err.Error()))
	return nil
}

func (s *searchResults) row(found *search.Hit, m messageSummary) {
	if s.table == nil {
		headings := []string{"MAILBOX", "     UID", "DATE", "    SIZE", "FLAGS", "FROM", "SUBJECT"}
		if found.Last.Name != "" {
			headings = append([]string{"FIRST", "LAST"}, headings...)
		}
		if s.accounts {
			headings = append([]string{"ACCOUNT"}, headings...)
		}
		s.table = s.program.Table(headings...).Optional("FIRST", "FLAGS", "SIZE", "DATE").Whole("ACCOUNT", "MAILBOX")
	}
	cells := []string{found.Mailbox.Name, ui.Right(fmt.Sprint(m.UID), "     UID"), m.date(), ui.Right(ui.Size(m.Size), "    SIZE"),
		m.marks(), m.From, m.Subject}
	if found.Last.Name != "" {
		cells = append([]string{nameAndDay(found.First), nameAndDay(found.Last)}, cells...)
	}
	if s.accounts {
		cells = append([]string{found.Contents.Manifest.Account}, cells...)
	}
	s.table.Row(cells...)
}

// nameAndDay returns a manifest for a table of messages.
func nameAndDay(head repo.Head) string {
	return shortID(head) + " " + head.Time.Local().Format("2006-01-02")
}

// foundSummary is a message that was found, as JSON.
type foundSummary struct {
	Manifest string       `json:"manifest"`
	Account  string       `json:"account"`
	Mailbox  string       `json:"mailbox"`
	First    *manifestRef `json:"first,omitempty"` // with --all: the oldest manifest that holds the message
	Last     *manifestRef `json:"last,omitempty"`  // and the newest
	messageSummary
}

func (s *searchResults) document(found *search.Hit, m messageSummary) foundSummary {
	document := foundSummary{
		Manifest: id(found.Contents.Head), Account: found.Contents.Manifest.Account, Mailbox: found.Mailbox.Name, messageSummary: m,
	}
	if found.Last.Name != "" {
		document.First, document.Last = refer(found.First), refer(found.Last)
	}
	return document
}
