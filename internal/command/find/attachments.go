package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Attachments lists the attachments of messages, or saves them.
type Attachments struct {
	Manifest string `arg:"" optional:"" help:"Which manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed. Default: the newest manifest of each account."`

	named.Place `embed:""`

	All              bool             `group:"query" help:"Attachments of all manifests."`
	Account          string           `group:"query" placeholder:"NAME" help:"Only those of this account."`
	Query            conditions.Texts `group:"query" name:"text" placeholder:"QUERY" help:"Only those of messages that a search for QUERY finds (docs/search.md; repeatable)."`
	NoIndex          bool             `group:"query" name:"no-index" help:"Read all messages, even if this host has an index of their words."`
	To               string           `group:"query" aliases:"recipient" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc."`
	conditions.Flags `embed:""`
	job.Selection    `embed:""`

	Message []string `group:"query" sep:"none" placeholder:"UID" help:"Only those of this message of the one --mailbox: a UID, or several: 12,15:20 (repeatable)."`
	Type    string   `group:"query" placeholder:"TEXT" help:"Text in the media type: pdf, image/, calendar."`

	Save string `group:"target" type:"path" placeholder:"DIR" help:"Write the attachments into this directory, each once."`
}

// ListsManifests implements cli.Lister.
func (*Attachments) ListsManifests() {}

func (*Attachments) Help() string {
	return `Lists the attachments of messages, each once, however many messages have it. DATE, MAILBOX and UID are those of the newest of these. The attachments themselves are not read, only the messages around them. --larger and --smaller mean the size of the attachment. ` + conditions.Help + `

--save writes them as files. Names that senders chose are made safe. A file that is there with the same content is not written again, and none is replaced.

EXAMPLES

    mailstrata attachments
    mailstrata attachments --all --attachment .pdf --from joao
    mailstrata attachments --type image/ --larger 1M
    mailstrata attachments 2026-03-14 Projects/Bridge 12 --save /tmp/bridge
    mailstrata attachments --text 'invoice after:2025-01-01' --save invoices

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some of it could not be read; 130 interrupted.`
}

func (c *Attachments) Run(ctx context.Context, p *cli.Program) error {
	if err := c.Take(&c.Selection, &c.Message, "attachments"); err != nil {
		return err
	}
	find := &Command{
		Manifest: c.Manifest, All: c.All, Account: c.Account, Query: c.Query, NoIndex: c.NoIndex, To: c.To,
		Flags: c.Flags, Selection: c.Selection,
	}
	query, w, err := find.parse()
	if err != nil {
		return err
	}
	if c.Manifest != "" {
		if _, err := named.ParseRef(c.Manifest); err != nil {
			word := ui.ShellWord(c.Manifest)
			if strings.Contains(c.Manifest, ":") {
				return &hint.Usage{
					Text: ui.Quote(c.Manifest) + " is no manifest",
					Hint: "--text=" + word + " lists the attachments of messages that this query finds",
				}
			}
			return &hint.Usage{
				Text: ui.Quote(c.Manifest) + " is no manifest",
				Hint: "--attachment=" + word + " lists the files whose names have this, --text=" + word + " those of messages with this word",
			}
		}
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := access.MayRead(r); err != nil {
		return err
	}
	conditions.Explain(p.Output, w)
	larger, smaller := query.Larger, query.Smaller
	query.Smaller = 0 // a larger message can have a small attachment; a larger attachment is in a larger message
	s := &searchResults{
		Program: p, repo: r, command: find, query: query, words: w, readable: true,
		attached: len(c.Message) == 0,
	}
	if err := s.choose(ctx); err != nil {
		return err
	}
	if err := s.chooseMessages(ctx, c.Message); err != nil {
		return err
	}
	a := &attachmentList{
		searchResults: s, filter: c.Attachment, kind: strings.ToLower(c.Type), larger: larger,
		smaller: smaller, known: make(map[chunk.ID]int),
	}
	if err := s.each(ctx, func(found hits) error { return a.collect(ctx, found) }); err != nil {
		return err
	}
	if c.Save != "" {
		err = a.save(ctx, c.Save)
	} else {
		err = a.print()
	}
	if err != nil {
		return err
	}
	return s.outcome(ctx)
}

// attachmentList collects attachments, each once.
type attachmentList struct {
	*searchResults
	filter          string // --attachment
	kind            string // --type, in lower case
	larger, smaller int64  // sizes; 0: any
	list            []*attachmentSummary
	known           map[chunk.ID]int // which of list
	messages        int64            // that were read
}

// attachmentSummary is an attachment as JSON, with the messages that have it.
type attachmentSummary struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Size     int64          `json:"size"`
	Hash     string         `json:"hash"`
	Saved    string         `json:"saved,omitempty"` // the path of the file, with --save
	Messages []foundSummary `json:"messages"`

	attachment attachment.Attachment
	number     int               // among those of the message
	contents   *archive.Contents // of the message that it is read from
}

// collect adds the attachments of the messages that are found.
func (a *attachmentList) collect(ctx context.Context, found hits) error {
	reader := archive.NewReader(a.repo)
	reader.Keep(repo.KeptMail)
	lister := attachment.Lister{Chunks: reader, Key: a.repo.ChunkKey()}
	progress := a.Progress("read")
	defer progress.Done()
	for m, err := range attachment.Of(ctx, lister, found, func(h *search.Hit) *manifest.Record { return &h.Entry.Record }) {
		if err == nil {
			err = m.Err
		}
		a.messages++
		progress.Update("", ui.Tally{Messages: a.messages})
		if err != nil {
			if err := a.reportDamage(ctx, err); err != nil {
				return err
			}
			continue
		}
		for i, of := range m.Attachments {
			if a.wants(&of) {
				a.add(m.Item, m.Header, of, i)
			}
		}
	}
	for _, s := range a.list {
		slices.SortStableFunc(s.Messages, newerMessage)
	}
	slices.SortFunc(a.list, func(x, y *attachmentSummary) int {
		return cmp.Or(newerMessage(x.Messages[0], y.Messages[0]), cmp.Compare(x.number, y.number))
	})
	a.found = int64(len(a.list))
	progress.Done()
	a.noteRead()
	return nil
}

// noteRead notes how many messages were read, and how fewer suffice.
func (a *attachmentList) noteRead() {
	if !a.indexed && !a.command.NoIndex && a.attached {
		a.Note("this host has no index of words, so %s were read; with one (mailstrata index build), only those with attachments are",
			ui.Plural(a.messages, "message"))
		return
	}
	a.Detail("%s read", ui.Plural(a.messages, "message"))
}

// newerMessage orders messages, the newest first. Those of one second are in the order of their
// places, so that every search has the same order.
func newerMessage(x, y foundSummary) int {
	date := func(m *foundSummary) int64 {
		if m.Date == nil {
			return math.MinInt64
		}
		return m.Date.Unix()
	}
	return cmp.Or(cmp.Compare(date(&y), date(&x)), cmp.Compare(x.Account, y.Account),
		cmp.Compare(x.Mailbox, y.Mailbox), cmp.Compare(x.UID, y.UID))
}

// wants reports whether an attachment has the name and the size that are asked for.
func (a *attachmentList) wants(of *attachment.Attachment) bool {
	return strings.Contains(strings.ToLower(of.Type), a.kind) &&
		(a.filter == "" || search.NameContains(of.Name, a.filter)) &&
		(a.larger == 0 || of.Size > a.larger) && (a.smaller == 0 || of.Size < a.smaller)
}

// add adds an attachment of a message. Messages call a content by different names: that of the
// newest counts.
func (a *attachmentList) add(hit *search.Hit, header []byte, of attachment.Attachment, number int) {
	message := a.document(hit, summary.OfMessage(hit.Entry, header))
	found := &attachmentSummary{
		Name: of.Name, Type: of.Type, Size: of.Size, Hash: of.ID.String(), attachment: of, number: number, contents: hit.Contents,
	}
	at, known := a.known[of.ID]
	if !known {
		at = len(a.list)
		a.known[of.ID] = at
		a.list = append(a.list, found)
	}
	messages := append(a.list[at].Messages, message)
	if last := len(messages) - 1; known && newerMessage(message, messages[0]) < 0 {
		a.list[at] = found
		messages[0], messages[last] = messages[last], messages[0]
	}
	a.list[at].Messages = messages
}

func (a *attachmentList) print() error {
	if a.JSON {
		return ui.PrintLines(a.Output, a.list)
	}
	if len(a.list) == 0 {
		return nil
	}
	a.Page()
	headings := []string{"NAME", "TYPE", "    SIZE", "MESSAGES", "DATE", "MAILBOX", "     UID", "FROM"}
	if a.command.All {
		headings = slices.Insert(headings, 4, "MANIFEST")
	}
	t := a.Table(headings...).Optional("TYPE",
		"MESSAGES").Whole("MAILBOX", "MANIFEST").Short("DATE", len(time.DateOnly)).Late("FROM", "SIZE")
	for _, s := range a.list {
		m := &s.Messages[0]
		cells := []string{s.Name, s.Type, ui.Right(ui.Size(s.Size), "    SIZE"), ui.Right(ui.Count(len(s.Messages)), "MESSAGES"),
			m.When(), m.Mailbox, ui.Right(fmt.Sprint(m.UID), "     UID"), m.From}
		if a.command.All {
			cells = slices.Insert(cells, 4, m.Manifest[:8])
		}
		t.Row(cells...)
	}
	t.Flush()
	return nil
}

// save writes the attachments into a directory.
func (a *attachmentList) save(ctx context.Context, dir string) error {
	d, err := attachment.OpenDir(dir)
	if err != nil {
		return err
	}
	progress := a.Progress("saved")
	defer progress.Done()
	var written, bytes int64
	for i, s := range a.list {
		progress.Step(ui.StepState{Step: "attachments saved", Done: int64(i), Of: int64(len(a.list))})
		path, fresh, err := d.Write(ctx, s.contents, &s.attachment, s.Messages[0].Date)
		if err != nil {
			if err := a.reportDamage(ctx, fmt.Errorf("%s: %w", ui.Quote(s.Name), err)); err != nil {
				return errors.Join(err, d.Close())
			}
			continue
		}
		if s.Saved = path; fresh {
			written, bytes = written+1, bytes+s.Size
		}
	}
	progress.Done()
	if err := d.Close(); err != nil {
		return err
	}
	if a.JSON {
		return ui.PrintLines(a.Output, a.list)
	}
	a.Printf("%s written to %s, %s; %d were there",
		ui.Plural(written, "attachment"), ui.Safe(dir), ui.Size(bytes), int64(len(a.list))-written-int64(a.unread))
	return nil
}
