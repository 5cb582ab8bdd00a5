package find

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// mailboxes returns the mailboxes that the command line names.
func (s *searchResults) mailboxes() []job.Pattern {
	return slices.Concat(s.command.Mailbox, s.words.In)
}

// checkMailboxes returns an error for a mailbox that is in none of several manifests. It is for a
// search that found nothing.
func (s *searchResults) checkMailboxes(ctx context.Context) error {
	named, in := s.command.Mailbox, s.words.In
	if !s.command.All && len(s.scope.Manifests) < 2 || len(named)+len(in) == 0 {
		return nil
	}
	seen := make(map[string]string) // names by raw names
	for mailbox, err := range s.searchedMailboxes(ctx) {
		if err != nil {
			return nil // what cannot be read may have the name
		}
		if _, known := seen[mailbox.Raw]; !known {
			named, in = job.Without(named, &mailbox.Mailbox), s.words.Unmatched(in, &mailbox.Mailbox)
			seen[mailbox.Raw] = mailbox.Name
		}
		if len(named)+len(in) == 0 {
			return nil
		}
	}
	name, names := string(slices.Concat(named, in)[0]), slices.Sorted(maps.Values(seen))
	if s.command.All {
		return &hint.Error{
			Text: "no manifest has a mailbox " + ui.Quote(name), Hint: ui.DidYouMean(name, names),
			Err: mail.ErrNoMailbox,
		}
	}
	return job.NoMailbox("the newest manifest of each account", name, names, "--all searches older manifests too")
}

// searchedMailboxes yields the mailboxes of the manifests that are searched.
func (s *searchResults) searchedMailboxes(ctx context.Context) iter.Seq2[*manifest.Mailbox, error] {
	return func(yield func(*manifest.Mailbox, error) bool) {
		each := func(contents *archive.Contents) bool {
			for mailbox, err := range contents.Mailboxes(ctx) {
				if !yield(mailbox, err) {
					return false
				}
			}
			return true
		}
		for _, contents := range s.scope.Manifests {
			if !each(contents) {
				return
			}
		}
		if !s.command.All {
			return
		}
		reader := archive.NewReader(s.repo)
		for summary, err := range archive.Manifests(ctx, s.repo) {
			if err == nil && s.command.Account != "" && summary.Manifest.Account != s.command.Account {
				continue
			}
			if err != nil && !yield(nil, err) || err == nil && !each(reader.Contents(summary.Manifest)) {
				return
			}
		}
	}
}

// noteLabels says how to search for what is in labels of Gmail, which have no messages of their
// own.
func (s *searchResults) noteLabels(ctx context.Context, contents *archive.Contents) {
	named := s.mailboxes()
	if len(named) == 0 {
		return
	}
	for mailbox, err := range contents.Mailboxes(ctx) {
		if err == nil && mailbox.Label &&
			slices.ContainsFunc(named, func(p job.Pattern) bool { return p.Matches(&mailbox.Mailbox) }) {
			s.Note("%s is a label: its messages are in All Mail; --label %s finds them",
				ui.Quote(mailbox.Name), ui.ShellWord(mailbox.Name))
			return
		}
	}
}
