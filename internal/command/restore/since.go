package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/deleted"
	"github.com/mailstrata/mailstrata/archive/gather"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// checkSince returns an error for flags that exclude --deleted-since.
func (c *Command) checkSince() error {
	switch {
	case c.DeletedSince == "":
		return nil
	case c.MissingFrom != "":
		return &hint.Usage{
			Text: "--deleted-since and --missing-from exclude each other",
			Hint: "--deleted-since compares all manifests since then, --missing-from two",
		}
	case c.Prune:
		return hint.Usagef("--deleted-since and --prune exclude each other")
	case len(c.Message) > 0:
		return hint.Usagef("--deleted-since and --message exclude each other")
	}
	return nil
}

// deletedSince returns what was deleted since a time, as an account of its own, of the manifests up
// to the one that is named, and says what it is.
func (c *Command) deletedSince(
	ctx context.Context, p *cli.Program, r *repo.Repo, to *archive.Contents, w *query.Query,
) (*archive.Contents, error) {
	from, err := c.begin(ctx, p, r, to)
	if err != nil {
		return nil, err
	}
	named.FoldIn(ctx, w.In, []*archive.Contents{to, from})
	named.FoldIn(ctx, w.NotIn, []*archive.Contents{to, from})
	found, err := deleted.Find(ctx, r, from, to, deleted.Options{
		Wants:   func(m *manifest.Mailbox) bool { return m.Has(`\All`) || c.Wants(&m.Mailbox) && w.Wants(&m.Mailbox) },
		Emptied: len(c.Mailbox)+len(w.In) > 0,
	})
	if err != nil {
		return nil, err
	}
	for _, damage := range found.Damage[:min(len(found.Damage), ui.MaxRemarks)] {
		p.Warn("not compared: %s", ui.OneLine(damage.Error()))
	}
	if err := c.checkNames(ctx, r, found, w); err != nil {
		return nil, err
	}
	c.describeDeleted(p, found)
	gathered := gather.New()
	for _, m := range found.Messages {
		gathered.Add(m.Night, m.Mailbox, m.UIDs)
	}
	return gathered.Contents(ctx, to)
}

// begin opens the manifest from which on --deleted-since compares: the last one before the day or
// the time, or else the oldest. So what was deleted on that day before its first backup counts,
// too.
func (c *Command) begin(
	ctx context.Context, p *cli.Program, r *repo.Repo, to *archive.Contents,
) (*archive.Contents, error) {
	text, account := c.DeletedSince, to.Manifest.Account
	ref, err := named.ParseRef(text)
	if err != nil {
		return nil, hint.Usagef("--deleted-since: %s is not a date; write %s", ui.Quote(text), day.Forms)
	}
	if when, ok := day.Parse(text, time.Now()); ok && ref.IsTime() {
		text = when.From.Add(-time.Second).Format(time.RFC3339)
	}
	if ref.Account == "" && !named.IsID(text) {
		text = account + "@" + text
	}
	from, err := named.Manifest(ctx, p.Output, r, text)
	if errors.Is(err, history.ErrNoMatch) && ref.IsTime() {
		from, err = deleted.Oldest(ctx, r, account)
	}
	switch {
	case err != nil:
		return nil, err
	case from.Manifest.Account != account:
		return nil, hint.Usagef("--deleted-since: manifest %s is of account %s, not of %s",
			summary.ShortID(from.Head), ui.Safe(from.Manifest.Account), ui.Safe(account))
	case !from.Head.Time.Before(to.Head.Time):
		return nil, &hint.Error{
			Text: fmt.Sprintf("nothing is known of what was deleted since %s: manifest %s is of %s", ui.Quote(c.DeletedSince), summary.ShortID(to.Head), ui.Time(to.Head.Time)),
			Hint: "run mailstrata backup first: what it misses was deleted",
		}
	}
	return from, nil
}

// checkNames returns an error for a mailbox that no compared manifest has.
func (c *Command) checkNames(ctx context.Context, r *repo.Repo, found *deleted.Found, w *query.Query) error {
	unmatched := append(append([]job.Pattern{}, c.Mailbox...), w.In...)
	for i := len(found.Nights) - 1; i >= 0 && len(unmatched) > 0; i-- {
		for mailbox, err := range found.Nights[i].Mailboxes(ctx) {
			if err != nil {
				return nil // the unreadable part may have the name
			}
			unmatched = job.Without(unmatched, &mailbox.Mailbox)
		}
	}
	if len(unmatched) == 0 {
		return nil
	}
	return named.NoMailbox(ctx, r, found.Nights[len(found.Nights)-1], unmatched[0])
}

// describeDeleted says what was found, and from which nights it comes.
func (c *Command) describeDeleted(p *cli.Program, found *deleted.Found) {
	first, last := found.Nights[0].Head, found.Nights[len(found.Nights)-1].Head
	p.Note("from %s of %s to %s of %s: %s",
		summary.ShortID(first), ui.Time(first.Time), summary.ShortID(last), ui.Time(last.Time), c.nights(found))
	if found.LeftOut > 0 {
		p.Note("  left out: %s from Trash, Junk or Drafts; --mailbox NAME restores from there",
			ui.Plural(found.LeftOut, "message"))
	}
	if found.InTrash > 0 {
		p.Note("  not deleted: %s in Trash", ui.Plural(found.InTrash, "message"))
	}
}

// nights says how many messages were deleted, and which manifests have them.
func (c *Command) nights(found *deleted.Found) string {
	var nights []string
	var counts []int64
	for _, m := range found.Messages {
		if n := len(nights) - 1; n >= 0 && nights[n] == ui.Time(m.Night.Head.Time) {
			counts[n] += m.UIDs.Len()
			continue
		}
		nights, counts = append(nights, ui.Time(m.Night.Head.Time)), append(counts, m.UIDs.Len())
	}
	for i := range nights {
		nights[i] += " (" + ui.Count(counts[i]) + ")"
	}
	text := ui.Plural(found.Count, "message") + " deleted"
	switch {
	case len(nights) == 0:
		return text
	case len(nights) > ui.MaxRemarks:
		return fmt.Sprintf("%s, last in %d manifests, %s … %s", text, len(nights), nights[0], nights[len(nights)-1])
	}
	return text + ", last in " + strings.Join(nights, ", ")
}
