package named

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// CheckMailboxes returns an error for --mailbox if the manifest has no such mailbox. A typing error
// must not look like an empty mailbox.
func CheckMailboxes(
	ctx context.Context, o *ui.Output, s *job.Selection, r *repo.Repo, contents *archive.Contents,
) error {
	unmatched, excluded := s.Mailbox, s.Exclude
	for mailbox, err := range contents.Mailboxes(ctx) {
		if err != nil {
			return nil // the unreadable part may have the name; the restore reports it
		}
		unmatched = job.Without(unmatched, &mailbox.Mailbox)
		excluded = job.Without(excluded, &mailbox.Mailbox)
	}
	for _, name := range excluded {
		o.Warn("--exclude %s: manifest %s has no such mailbox", ui.Quote(string(name)), summary.ShortID(contents.Head))
	}
	if len(unmatched) > 0 {
		return NoMailbox(ctx, r, contents, unmatched[0])
	}
	return nil
}

// FoldIn replaces the mailboxes of in: that differ from a mailbox only in upper and lower case, if
// there is only one.
func FoldIn(ctx context.Context, in []job.Pattern, manifests []*archive.Contents) {
	if len(in) == 0 {
		return
	}
	var all []mail.Mailbox
	for _, contents := range manifests {
		for mailbox, err := range contents.Mailboxes(ctx) {
			if err != nil {
				return // what cannot be read may have the name
			}
			all = append(all, mailbox.Mailbox)
		}
	}
	for i, pattern := range in {
		folded := make(map[string]bool)
		exact := false
		for j := range all {
			exact = exact || pattern.Matches(&all[j])
			if strings.EqualFold(all[j].Name, string(pattern)) {
				folded[all[j].Name] = true
			}
		}
		if !exact && len(folded) == 1 {
			in[i] = job.Pattern(slices.Collect(maps.Keys(folded))[0])
		}
	}
}

// Mailbox returns a mailbox of a manifest, or an error with the nearest name.
func Mailbox(ctx context.Context, r *repo.Repo, c *archive.Contents, name string) (*manifest.Mailbox, error) {
	mailbox, err := c.Mailbox(ctx, name)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil, NoMailbox(ctx, r, c, job.Pattern(name))
	}
	return mailbox, err
}

// NoMailbox returns an error with a hint: the last manifest that has the mailbox, or else the
// nearest name, of the mailboxes of this manifest or of others.
func NoMailbox(ctx context.Context, r *repo.Repo, c *archive.Contents, name job.Pattern) error {
	where, elsewhere := lastSeen(ctx, r, c, name)
	if where != "" {
		return &hint.Error{
			Text: fmt.Sprintf("manifest %s has no mailbox %s", summary.ShortID(c.Head), ui.Quote(string(name))),
			Hint: "it is " + where,
			Err:  mail.ErrNoMailbox,
		}
	}
	var names []string
	for mailbox, err := range c.Mailboxes(ctx) {
		if err == nil {
			names = append(names, mailbox.Name)
		}
	}
	if near := ui.Nearest(string(name), elsewhere); near != "" && ui.Nearest(string(name), names) == "" {
		if where, _ := lastSeen(ctx, r, c, job.Pattern(near)); where != "" {
			return job.NoMailbox("manifest "+summary.ShortID(c.Head), string(name), elsewhere, "It is "+where)
		}
	}
	return job.NoMailbox("manifest "+summary.ShortID(c.Head), string(name), names,
		fmt.Sprintf("mailstrata ls %s lists the mailboxes", summary.ShortID(c.Head)))
}

// maxSearched is the number of manifests that are searched for a hint.
const maxSearched = 400

// lastSeen looks for a mailbox in the other manifests of an account: first in those before this
// one, the newest first, then in those after it. A user who looks for a deleted folder gets the
// night to restore from. lastSeen returns in words where the mailbox is, or else "" and the names
// of all mailboxes there, those of the nearest manifests first.
func lastSeen(ctx context.Context, r *repo.Repo, c *archive.Contents, name job.Pattern) (where string, names []string) {
	var before, after []repo.Head
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case err != nil || s.Manifest.Account != c.Manifest.Account || s.Head.Name == c.Head.Name:
		case s.Head.Time.After(c.Head.Time):
			after = append(after, s.Head)
		default:
			before = append(before, s.Head)
		}
	}
	slices.SortFunc(before, func(a, b repo.Head) int { return b.Time.Compare(a.Time) })
	slices.SortFunc(after, func(a, b repo.Head) int { return a.Time.Compare(b.Time) })
	heads := append(before, after...)
	seen := make(map[string]bool)
	for _, head := range heads[:min(len(heads), maxSearched)] {
		other, err := archive.OpenManifest(ctx, r, head)
		if err != nil {
			continue
		}
		var messages int64
		ok := false
		for mailbox, err := range other.Mailboxes(ctx) {
			if err != nil {
				continue
			}
			if name.Matches(&mailbox.Mailbox) {
				messages += mailbox.Messages
				ok = true
			}
			if !seen[mailbox.Name] {
				seen[mailbox.Name] = true
				names = append(names, mailbox.Name)
			}
		}
		if ok {
			return fmt.Sprintf("in manifest %s of %s, with %s",
				summary.ShortID(head), ui.Time(head.Time), ui.Plural(messages, "message")), nil
		}
	}
	return "", names
}
