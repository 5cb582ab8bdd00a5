package look

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Diff compares two manifests of an account.
type Diff struct {
	Before  string `arg:"" help:"The older manifest: an id, latest~1, a date, friday; with ACCOUNT@ before it if needed."`
	After   string `arg:"" optional:"" help:"The newer manifest. Default: the newest of the account."`
	Mailbox string `arg:"" optional:"" help:"Only this mailbox."`

	List bool `help:"List the messages, not only their number."`
}

// ListsManifests implements cli.Lister.
func (*Diff) ListsManifests() {}

func (*Diff) Help() string {
	return `Compares two manifests of an account: for each mailbox that differs, how many messages were added, removed, moved in, moved out or reflagged, and which mailboxes were created, removed or renamed. Messages are compared by content, so a message that moved is not removed.

` + cli.ManifestHelp + `

EXAMPLES

To see what changed last night, and what is gone since Friday, the 13th:

    mailstrata diff latest~1
    mailstrata diff 2026-03-13 latest --list
    mailstrata diff 2026-03-13 latest Projects --list

To restore what is gone since then:

    mailstrata restore 2026-03-13 --missing-from latest --to anna@mail.example

EXIT STATUS

0 done, whether they differ or not; 1 failed; 2 invalid command line; 3 done, but some of it could not be read; 130 interrupted.`
}

func (c *Diff) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	manifests, err := c.manifests(ctx, p, r)
	if err != nil {
		return err
	}
	for _, contents := range manifests {
		contents.KeepMail()
	}
	d, err := diff.Compare(ctx, manifests[0], manifests[1])
	if err != nil {
		return err
	}
	if c.Mailbox != "" {
		if err := c.narrow(ctx, r, d); err != nil {
			return err
		}
	}
	if c.List {
		p.Page()
	}
	changes, err := compareProperties(ctx, d.Before, d.After, c.selects)
	if err != nil {
		return err
	}
	t := &comparison{Program: p, difference: d, properties: changes, readable: r.CanRead()}
	if err := t.print(ctx, c.List); err != nil {
		return err
	}
	if c.Mailbox == "" && !p.JSON {
		t.noteItems(ctx)
	}
	if t.unread > 0 {
		return cli.Partial("some of it could not be read")
	}
	return nil
}

// manifests opens the two manifests. Only if the newer one is not named, the account of the older
// one must be known first.
func (c *Diff) manifests(ctx context.Context, p *cli.Program, r *repo.Repo) ([]*archive.Contents, error) {
	if c.After != "" {
		return named.Manifests(ctx, p.Output, r, c.Before, c.After)
	}
	before, err := named.Manifest(ctx, p.Output, r, c.Before)
	if err != nil {
		return nil, err
	}
	after, err := named.Manifest(ctx, p.Output, r, before.Manifest.Account+"@latest")
	return []*archive.Contents{before, after}, err
}

// narrow keeps only one mailbox, by its name before or after.
func (c *Diff) narrow(ctx context.Context, r *repo.Repo, d *diff.Difference) error {
	_, errBefore := d.Before.Mailbox(ctx, c.Mailbox)
	_, errAfter := d.After.Mailbox(ctx, c.Mailbox)
	if errBefore != nil && errAfter != nil {
		return named.NoMailbox(ctx, r, d.After, job.Pattern(c.Mailbox))
	}
	isNamed := func(m *manifest.Mailbox) bool {
		return m != nil &&
			(m.Name == c.Mailbox || m.Raw == c.Mailbox || m.IsInbox() && (&mail.Mailbox{Raw: c.Mailbox}).IsInbox())
	}
	d.Mailboxes = slices.DeleteFunc(d.Mailboxes, func(m *diff.MailboxDifference) bool { return !isNamed(m.Before) && !isNamed(m.After) })
	return nil
}

// selects reports whether a mailbox with a raw name is compared.
func (c *Diff) selects(raw string) bool {
	name, ok := mail.DecodeName(raw)
	m := mail.Mailbox{Raw: raw}
	return c.Mailbox == "" || c.Mailbox == raw || ok && c.Mailbox == name ||
		m.IsInbox() && (&mail.Mailbox{Raw: c.Mailbox}).IsInbox()
}

// comparison prints a difference.
type comparison struct {
	*cli.Program
	difference *diff.Difference
	properties []propertiesChange
	readable   bool
	unread     int
}

func (t *comparison) print(ctx context.Context, list bool) error {
	for _, m := range t.difference.Mailboxes {
		if m.Unread != nil {
			t.unread++
			t.Warn("mailbox %s cannot be compared: %s", ui.Quote(m.Mailbox().Name), ui.OneLine(m.Unread.Error()))
		}
	}
	if t.JSON && !list {
		return t.PrintJSON(t.document())
	}
	if !t.JSON {
		t.tables()
	}
	if !list {
		return nil
	}
	for _, m := range t.difference.Mailboxes {
		if err := t.list(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// tables prints the counts.
func (t *comparison) tables() {
	d := t.difference
	t.Facts("before", t.describe(d.Before), "after", t.describe(d.After))
	t.Printf("")
	var changed []string
	for _, c := range t.properties {
		changed = append(changed, c.lines...)
	}
	defer func() { t.Paragraphs(ui.Yellow, "Access rights and annotations that changed", changed) }()
	if len(d.Mailboxes) == 0 {
		t.Printf("no difference in mail")
		return
	}
	totals := d.Totals()
	table := t.Table("MAILBOX", "ADDED", "REMOVED", "MOVED IN", "MOVED OUT", "REFLAGGED", "REMARKS").Folded().
		Numbers("ADDED", "REMOVED", "MOVED IN", "MOVED OUT", "REFLAGGED").Optional(emptyColumns(&totals)...)
	row := func(name string, m *diff.MailboxDifference, remarks string) {
		table.ColoredRow(colorOf(m), name, ui.Right(nonZero(m.Added), "ADDED"), ui.Right(nonZero(m.Removed), "REMOVED"), ui.Right(nonZero(m.MovedIn), "MOVED IN"),
			ui.Right(nonZero(m.MovedOut), "MOVED OUT"), ui.Right(nonZero(m.Reflagged), "REFLAGGED"), remarks)
	}
	for _, m := range d.Mailboxes {
		row(m.Mailbox().Name, m, remarksOn(m))
	}
	if len(d.Mailboxes) > 1 {
		row("(all)", &totals, "")
	}
	table.Flush()
	if totals.Removed > 0 {
		t.Printf("\nTo get back what was removed:\n  mailstrata restore %s --missing-from %s --to %s",
			summary.ShortID(d.Before.Head), summary.ShortID(d.After.Head), t.TargetWord(d.After.Manifest.Source))
	}
}

// emptyColumns returns the headings of the columns that say nothing about any mailbox.
func emptyColumns(totals *diff.MailboxDifference) (headings []string) {
	for _, c := range []struct {
		count   int64
		heading string
	}{
		{totals.MovedOut, "MOVED OUT"}, {totals.MovedIn, "MOVED IN"}, {totals.Reflagged, "REFLAGGED"}, {totals.Removed, "REMOVED"}, {totals.Added, "ADDED"},
	} {
		if c.count == 0 {
			headings = append(headings, c.heading)
		}
	}
	return headings
}

func (t *comparison) describe(c *archive.Contents) string {
	text := fmt.Sprintf("%s  %s  %s  %s", summary.ShortID(c.Head), c.Manifest.Account, ui.Time(c.Head.Time),
		ui.Plural(c.Manifest.Totals.Messages, "message"))
	if c.Manifest.State != manifest.Complete {
		text += "  (a checkpoint: the run was not complete)"
	}
	return text
}

// nonZero formats a number, or returns "" for 0.
func nonZero(n int64) string {
	if n == 0 {
		return ""
	}
	return ui.Count(n)
}

// remarksOn returns remarks about a mailbox as a whole.
func remarksOn(m *diff.MailboxDifference) string {
	var words []string
	switch {
	case m.Created():
		words = append(words, "created")
	case m.WasRemoved():
		words = append(words, "removed")
	case m.Renamed():
		words = append(words, "renamed from "+m.Before.Name)
	}
	if lost := shrinkage(m); lost != "" {
		words = append(words, lost)
	}
	if m.Renumbered {
		words = append(words, "UIDVALIDITY changed: compared by content")
	}
	switch {
	case m.Unread != nil:
		words = append(words, "damaged: not compared")
	case m.After != nil && m.After.Inherited:
		words = append(words, "could not be read: copied from the manifest before")
	case isIncomplete(m.After):
		words = append(words, "incomplete")
	}
	return strings.Join(words, ", ")
}

// colorOf returns the color of the remarks on a mailbox.
func colorOf(m *diff.MailboxDifference) ui.Color {
	switch {
	case m.WasRemoved() || m.Unread != nil || shrinkage(m) != "":
		return ui.Red
	case isIncomplete(m.After):
		return ui.Yellow
	}
	return ui.Plain
}

// shrinkage returns a remark if a mailbox is empty now, or holds far fewer messages.
func shrinkage(m *diff.MailboxDifference) string {
	if m.Before == nil || m.After == nil || m.Before.Label || m.After.Label || m.Before.Messages == 0 {
		return ""
	}
	before, after := m.Before.Messages, m.After.Messages
	switch {
	case after == 0:
		return "emptied"
	case loss.Usual.Exceeded(before, before-after):
		return fmt.Sprintf("%d%% fewer", (before-after)*100/before)
	}
	return ""
}

// isIncomplete reports whether a mailbox may hold more than its record.
func isIncomplete(m *manifest.Mailbox) bool {
	return m != nil && m.Selectable() && !m.Label && !m.Complete
}

// list lists the changes of the messages of one mailbox.
func (t *comparison) list(ctx context.Context, m *diff.MailboxDifference) error {
	var table *ui.Table
	changes := t.difference.Changes(ctx, m)
	if t.readable {
		changes = archive.HeadersAhead(ctx, t.difference.After.Chunks(), changes, func(c *diff.Change) []*manifest.Record {
			return []*manifest.Record{&c.Entry.Record}
		})
	}
	for change, err := range changes {
		var message summary.Message
		if err == nil {
			mailbox := m.Mailbox()
			if change.Contents == t.difference.Before {
				mailbox = m.Before
			}
			message, err = summary.ReadMessage(ctx, change.Contents, mailbox, change.Entry, t.readable)
		}
		if err != nil {
			if ctx.Err() != nil || !archive.IsDamage(err) {
				return err
			}
			t.unread++
			t.Warn("%s", ui.OneLine(err.Error()))
		}
		if change == nil {
			continue
		}
		if t.JSON {
			if err := t.PrintJSON(changeDocument(m, change, message)); err != nil {
				return err
			}
			continue
		}
		if table == nil {
			t.Printf("\n%s:", ui.Safe(m.Mailbox().Name))
			table = t.Table("CHANGE", "     UID", "DATE",
				"    SIZE", "FROM", "SUBJECT").Optional("SIZE").Short("DATE", len(time.DateOnly)).Late("DATE")
		}
		table.Row(changeWords(change), ui.Right(fmt.Sprint(message.UID), "     UID"), message.When(), ui.Right(ui.Size(message.Size), "    SIZE"),
			message.From, message.Subject)
	}
	if table != nil {
		table.Flush()
	}
	return nil
}

// changeWords describes the change of a message.
func changeWords(c *diff.Change) string {
	switch c.Kind {
	case diff.MovedIn:
		return fmt.Sprintf("moved from %s UID %d", c.Peer.Name, c.PeerUID)
	case diff.MovedOut:
		return fmt.Sprintf("moved to %s UID %d", c.Peer.Name, c.PeerUID)
	case diff.Reflagged:
		words := plusMinus(c.Was.Flags, c.Entry.Flags)
		for _, word := range plusMinus(c.Was.Labels, c.Entry.Labels) {
			words = append(words, word[:1]+"label:"+word[1:])
		}
		return strings.Join(words, " ")
	}
	return c.Kind.String()
}

// plusMinus returns the new words with a plus, and the removed ones with a minus.
func plusMinus(was, is []string) []string {
	var words []string
	for _, word := range is {
		if !slices.Contains(was, word) {
			words = append(words, "+"+word)
		}
	}
	for _, word := range was {
		if !slices.Contains(is, word) {
			words = append(words, "-"+word)
		}
	}
	return words
}
