package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/gather"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// checkAll returns an error for flags that exclude --all.
func (c *Command) checkAll() error {
	switch {
	case !c.All:
		return nil
	case c.Manifest != "" && c.Manifest != "latest" && !strings.HasSuffix(c.Manifest, "@latest"):
		return hint.Usagef("--all restores from all manifests; name an account alone: ACCOUNT@latest")
	case c.MissingFrom != "" || c.DeletedSince != "" || c.Prune || len(c.Message) > 0:
		return hint.Usagef("--all excludes --missing-from, --deleted-since, --prune and --message")
	}
	return nil
}

// allNights returns the messages that match in any manifest of an account, as an account of their
// own: each once, as the newest manifest has it in which it matches. It says from which manifests
// they are.
func (c *Command) allNights(ctx context.Context, p *cli.Program, r *repo.Repo, latest *archive.Contents,
	record search.Query, w *query.Query,
) (*archive.Contents, error) {
	w.Fold = true // as find --all
	if w.Words != nil {
		if err := conditions.AddWords(ctx, p, r, &record, w, c.NoIndex); err != nil {
			return nil, err
		}
	}
	names := &unmatched{patterns: slices.Concat(c.Mailbox, w.In)}
	wants := func(m *manifest.Mailbox) bool {
		names.see(&m.Mailbox)
		return c.Wants(&m.Mailbox) && w.Wants(&m.Mailbox)
	}
	progress := p.Progress("found")
	defer progress.Done()
	gathered, first, count, nights := gather.New(), (*search.Hit)(nil), int64(0), 0
	var last *search.Hit
	for hit, err := range search.FindAll(ctx, r, latest.Manifest.Account, record, wants) {
		switch {
		case err != nil && archive.IsDamage(err) && ctx.Err() == nil:
			p.Warn("not searched: %s", ui.OneLine(err.Error()))
			continue
		case err != nil:
			return nil, err
		}
		if last == nil || last.Contents != hit.Contents {
			nights++
		}
		if first == nil {
			first = hit
		}
		last = hit
		var uid mail.UIDSet
		uid.Add(hit.Entry.UID)
		gathered.Add(hit.Contents, hit.Mailbox, uid)
		count++
		progress.Update("", ui.Tally{Messages: count})
	}
	if err := names.check(count); err != nil {
		return nil, err
	}
	if count > 0 {
		from, to := last.Contents.Head, first.Contents.Head
		where := summary.ShortID(to) + " of " + ui.Time(to.Time)
		if nights > 1 {
			where = fmt.Sprintf("%d manifests, %s of %s to %s",
				nights, summary.ShortID(from), ui.Time(from.Time), where)
		}
		p.Note("found %s, last in %s", ui.Plural(count, "message"), where)
	}
	return gathered.Contents(ctx, latest)
}

// unmatched are names of mailboxes that no manifest was seen to have.
type unmatched struct {
	mu       sync.Mutex
	patterns []job.Pattern
	label    string // that one of them named
}

func (u *unmatched) see(m *mail.Mailbox) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.patterns) == 0 {
		return
	}
	left := job.Without(u.patterns, m)
	if m.Label && len(left) < len(u.patterns) {
		u.label = m.Name
	}
	u.patterns = left
}

// check returns an error if nothing was found in a mailbox that no manifest has, or that is a label
// of Gmail: its messages are in All Mail, which was not searched.
func (u *unmatched) check(found int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case found > 0:
		return nil
	case u.label != "":
		return &hint.Usage{
			Text: fmt.Sprintf("--all finds nothing in the label %s: its messages are in All Mail", ui.Quote(u.label)),
			Hint: "--label " + ui.ShellWord(u.label) + " instead of --mailbox selects them",
		}
	case len(u.patterns) > 0:
		return &hint.Error{Text: "no manifest has a mailbox " + ui.Quote(string(u.patterns[0])), Err: mail.ErrNoMailbox}
	}
	return nil
}
