package look

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Show shows one manifest, or one message to be read.
type Show struct {
	Manifest    string `arg:"" optional:"" help:"Which manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed."`
	messageArgs `embed:""`
}

// ListsManifests implements cli.Lister.
func (*Show) ListsManifests() {}

func (*Show) Help() string {
	return `Shows a manifest, or a message in it to be read: sender, recipients, subject, date, the text, and a list of the attachments. Of HTML, the text is shown. "mailstrata cat" prints the message itself, byte for byte.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata show latest
    mailstrata show anna@mail.example@2026-03-14
    mailstrata show --json 3f9a
    mailstrata show 3f9a Projects/Bridge 12
    mailstrata show --message-id 4711@mail.example

` + cli.ExitStatus
}

// mailboxSummary is a mailbox as JSON.
type mailboxSummary struct {
	Name           string   `json:"name"`
	Raw            string   `json:"raw"` // the name as the server sent it
	Delimiter      string   `json:"delimiter,omitempty"`
	Attributes     []string `json:"attributes"`
	SpecialUse     []string `json:"special_use"`
	Subscribed     bool     `json:"subscribed"`
	Selectable     bool     `json:"selectable"`
	Label          bool     `json:"label"` // Gmail: its messages are in All Mail, Spam and Trash, with it among their labels
	Messages       int64    `json:"messages"`
	Bytes          int64    `json:"bytes"`
	Complete       bool     `json:"complete"`  // every message that the server counted is there
	Inherited      bool     `json:"inherited"` // copied from the parent, because the server reported an error
	UIDValidity    uint32   `json:"uidvalidity,omitempty"`
	UIDNext        uint32   `json:"uidnext,omitempty"`
	HighestModSeq  uint64   `json:"highestmodseq,omitempty"`
	MailboxID      string   `json:"mailboxid,omitempty"`
	PermanentFlags []string `json:"permanent_flags"`
}

func summarizeMailbox(m *manifest.Mailbox) mailboxSummary {
	s := mailboxSummary{
		Name: m.Name, Raw: m.Raw, Delimiter: m.Delimiter, Attributes: summary.List(m.Attributes), SpecialUse: summary.List(m.SpecialUse),
		Subscribed: m.Subscribed, Selectable: m.Selectable(), Label: m.Label, Messages: m.Messages, Bytes: m.Bytes,
		Complete: m.Complete, Inherited: m.Inherited, PermanentFlags: summary.List(m.PermanentFlags),
	}
	if m.Status != nil {
		s.UIDValidity, s.UIDNext, s.HighestModSeq = m.Status.UIDValidity, m.Status.UIDNext, m.Status.HighestModSeq
		s.MailboxID = m.Status.MailboxID
	}
	return s
}

// remarks returns what is special about a mailbox, in words.
func (s *mailboxSummary) remarks() string {
	words := append([]string{}, s.SpecialUse...)
	if !s.Subscribed {
		words = append(words, "not subscribed")
	}
	switch {
	case !s.Selectable:
		words = append(words, "cannot hold messages")
	case s.Label:
		words = append(words, "label: its messages are in All Mail")
	case s.Inherited:
		words = append(words, "could not be read: copied from the manifest before")
	case !s.Complete:
		words = append(words, "incomplete")
	}
	return strings.Join(words, ", ")
}

func (s *mailboxSummary) color() ui.Color {
	if s.Inherited || s.Selectable && !s.Label && !s.Complete {
		return ui.Yellow
	}
	return ui.Plain
}

func (c *Show) Run(ctx context.Context, p *cli.Program) error {
	if c.Mailbox != "" && !c.named() {
		if uid, err := strconv.ParseUint(c.Mailbox, 10, 32); err == nil && uid > 0 { // MAILBOX UID of the newest manifest
			c.Manifest, c.Mailbox, c.UID = "latest", c.Manifest, uint32(uid)
		} else {
			if how := splitUID(c.Manifest, c.Mailbox); how != "" {
				return &hint.Usage{Text: "<uid> is missing", Hint: how}
			}
			return &hint.Usage{Text: "<uid> is missing", Hint: "mailstrata ls " + ui.ShellWord(c.Manifest) + " " + ui.ShellWord(c.Mailbox) + " lists the messages of the mailbox"}
		}
	}
	if c.Manifest == "" && !c.named() {
		return &hint.Usage{Text: "<manifest> is missing",
			Hint: "mailstrata show latest, or MANIFEST MAILBOX UID of a message; see mailstrata show --help"}
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if c.named() {
		return showMessage(ctx, p, r, c.Manifest, &c.messageArgs)
	}
	contents, err := named.Manifest(ctx, p.Output, r, c.Manifest)
	if err != nil {
		return err
	}
	p.Page()
	if p.JSON {
		return showJSON(ctx, p, contents)
	}
	return showTables(ctx, p, r, contents)
}

func showJSON(ctx context.Context, p *cli.Program, contents *archive.Contents) error {
	m := contents.Manifest
	server, err := contents.Server(ctx)
	if err != nil {
		return err
	}
	document := struct {
		Manifest  summary.Manifest `json:"manifest"`
		Mailboxes []mailboxSummary `json:"mailboxes"`

		Collections []summary.Collection `json:"collections"` // scripts, calendars and address books
		Properties  []summary.Properties `json:"properties"`  // access rights and annotations
		Asked       *time.Time           `json:"properties_asked,omitempty"`

		Failures []summary.Failure `json:"failures"`
		Warnings []string          `json:"warnings"`
		Alarms   []string          `json:"alarms"`
		Dangling []string          `json:"dangling_subscriptions"`
		Server   serverSummary     `json:"server"`
	}{
		Manifest:  summary.OfManifest(contents.Head, m),
		Mailboxes: []mailboxSummary{},
		Failures:  summary.OfFailures(m.Failures),
		Warnings:  summary.List(m.Warnings), Alarms: summary.List(m.Alarm), Dangling: summary.List(m.Dangling),
		Server: summarizeServer(server), Properties: []summary.Properties{},
	}
	for mailbox, err := range contents.Mailboxes(ctx) {
		if err != nil {
			return err
		}
		document.Mailboxes = append(document.Mailboxes, summarizeMailbox(mailbox))
	}
	collections, err := summary.Collections(ctx, contents)
	if err != nil {
		return err
	}
	document.Collections = append([]summary.Collection{}, collections...)
	properties, err := contents.Properties(ctx)
	if err != nil {
		return err
	}
	for i := range properties {
		document.Properties = append(document.Properties, summary.OfProperties(&properties[i].Properties))
	}
	if !m.PropertiesAsked.IsZero() {
		document.Asked = &m.PropertiesAsked
	}
	return p.PrintJSON(document)
}

// serverSummary is what a server reports about itself, as JSON.
type serverSummary struct {
	ID           map[string]string `json:"id"`
	Capabilities []string          `json:"capabilities"`
	Quota        []quotaSummary    `json:"quota"`
}

type quotaSummary struct {
	Root     string `json:"root"`
	Resource string `json:"resource"`
	Usage    uint64 `json:"usage"`
	Limit    uint64 `json:"limit"`
}

func summarizeServer(server mail.Server) serverSummary {
	s := serverSummary{
		ID: map[string]string{}, Capabilities: summary.List(server.Capabilities), Quota: []quotaSummary{},
	}
	for _, field := range server.ID {
		s.ID[field.Name] = field.Value
	}
	for _, q := range server.Quota {
		s.Quota = append(s.Quota, quotaSummary{q.Root, q.Resource, q.Usage, q.Limit})
	}
	return s
}

func showTables(ctx context.Context, p *cli.Program, r *repo.Repo, contents *archive.Contents) error {
	m := contents.Manifest
	s := summary.OfManifest(contents.Head, m)
	server, err := contents.Server(ctx)
	if err != nil {
		return err
	}
	var id []string
	for _, field := range server.ID {
		id = append(id, field.Name+" "+field.Value)
	}
	p.Facts(
		"id", s.ID,
		"account", s.Account,
		"source", s.Source,
		"written", s.Time.Local().Format(time.RFC3339)+", "+ui.Ago(s.Time),
		"run", fmt.Sprintf("%s to %s, by %s", ui.Time(s.Start), ui.Time(s.End), s.Program),
		"parent", s.Parent,
		"state", s.State,
		"consistent", consistency(s.Consistent),
		"sources", sourcesFact(s.Sources),
		"messages", fmt.Sprintf("%s in %s, %s", ui.Count(s.Messages), ui.Plural(s.Mailboxes, "mailbox"), ui.Size(s.Bytes)),
		"erased", erasedFact(s.Erased),
		"new in the run", newInRun(&s),
		"server", strings.Join(id, ", "),
		"quota", quotaFact(server.Quota),
	)
	p.Printf("")
	if err := mailboxTable(ctx, p, contents); err != nil {
		return err
	}
	if err := printProperties(ctx, p, contents); err != nil {
		return err
	}
	p.Paragraphs(ui.Red, "Alarms: what shrank or changed suspiciously", m.Alarm)
	if len(m.Alarm) > 0 {
		printComparisonHint(ctx, p, r, contents)
	}
	p.Paragraphs(ui.Yellow, "Warnings", m.Warnings)
	var failures []string
	for _, f := range m.Failures {
		failures = append(failures, summary.DescribeFailure(f))
	}
	if more := m.Totals.Failures - int64(len(failures)); more > 0 {
		failures = append(failures, fmt.Sprintf("and %s more", ui.Count(more)))
	}
	p.Paragraphs(ui.Red, "Failures: what could not be read", failures)
	p.Paragraphs(ui.Plain, "Subscriptions to mailboxes that do not exist", m.Dangling)
	return nil
}

// printComparisonHint prints how to compare the manifest with the complete one before it.
func printComparisonHint(ctx context.Context, p *cli.Program, r *repo.Repo, contents *archive.Contents) {
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil || s.Manifest.Account != contents.Manifest.Account || s.Manifest.State != manifest.Complete ||
			!s.Head.Time.Before(contents.Head.Time) {
			continue
		}
		compare := summary.Compare(contents.Manifest.Alarm, summary.ShortID(s.Head), summary.ShortID(contents.Head),
			p.TargetWord(contents.Manifest.Source))
		for i, show := range compare.Show {
			if strings.HasPrefix(show, "mailstrata diff ") {
				show += " --list"
			}
			p.Printf("  To see what is missing:  %s", show)
			p.Printf("  To get it back:          %s", compare.Restore[i])
		}
		return
	}
}

// newInRun returns what a run downloaded, and what it took from archived messages.
func newInRun(s *summary.Manifest) string {
	text := fmt.Sprintf("%s, %s", ui.Plural(s.NewMessages, "message"), ui.Size(s.NewBytes))
	if s.ByID > 0 {
		text += fmt.Sprintf("; moved or copied, and not downloaded: %s, %s",
			ui.Plural(s.ByID, "message"), ui.Size(s.ByIDBytes))
	}
	return text
}

func consistency(consistent bool) string {
	if consistent {
		return "yes: the state of the account at one instant"
	}
	return "not proven: the account changed while it was read, or something could not be read"
}

// mailboxTable prints the mailboxes of a manifest. It marks mailboxes as not subscribed only if
// others are: many accounts have no subscriptions.
func mailboxTable(ctx context.Context, p *cli.Program, contents *archive.Contents) error {
	var mailboxes []mailboxSummary
	subscribed := false
	for mailbox, err := range contents.Mailboxes(ctx) {
		if err != nil {
			return err
		}
		mailboxes = append(mailboxes, summarizeMailbox(mailbox))
		subscribed = subscribed || mailbox.Subscribed
	}
	t := p.Table("MAILBOX", "MESSAGES", "    SIZE", "UIDVALIDITY", "REMARKS").Optional("UIDVALIDITY")
	defer t.Flush()
	for _, s := range mailboxes {
		s.Subscribed = s.Subscribed || !subscribed
		validity := ""
		if s.UIDValidity > 0 {
			validity = fmt.Sprint(s.UIDValidity)
		}
		t.ColoredRow(s.color(), s.Name, ui.Right(ui.Count(s.Messages), "MESSAGES"),
			ui.Right(ui.Size(s.Bytes), "    SIZE"), ui.Right(validity, "UIDVALIDITY"), s.remarks())
	}
	if n := contents.Manifest.ItemTotals.Collections; n > 0 {
		p.Note("beside mail there are %s of scripts, events and contacts: mailstrata items %s",
			ui.Plural(n, "collection"), summary.ShortID(contents.Head))
	}
	return nil
}

// sourcesFact says how each source was found, if there are several.
func sourcesFact(sources []summary.Source) string {
	var words []string
	for i := range sources {
		words = append(words, sources[i].Words())
	}
	return strings.Join(words, "; ")
}

// quotaFact says how much of each quota is used.
func quotaFact(quotas []mail.Quota) string {
	var words []string
	for _, q := range quotas {
		used, limit := ui.Count(q.Usage), ui.Count(q.Limit)
		if strings.EqualFold(q.Resource, "STORAGE") { // in units of 1,024 bytes (RFC 9208 section 5.1)
			used, limit = ui.Size(int64(q.Usage<<10)), ui.Size(int64(q.Limit<<10))
		}
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s: %s of %s",
			ui.Safe(q.Root), strings.ToLower(ui.Safe(q.Resource)), used, limit)))
	}
	return strings.Join(words, "; ")
}

// erasedFact returns how many messages a manifest leaves out, in words.
func erasedFact(messages int64) string {
	if messages == 0 {
		return ""
	}
	return ui.Plural(messages, "message") + " left out, which the server had"
}
