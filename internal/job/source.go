package job

import (
	"context"
	"sync"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// checkedSource is a source that checks --mailbox and --exclude. It warns of a mailbox that the account does not have.
// If no mailbox is left, it returns an error: an empty manifest would look like a lost account.
type checkedSource struct {
	source.Source
	account  string
	patterns []Pattern
	excluded []Pattern // by the command line
	host     *access.Host
	warned   sync.Once
}

func (s *checkedSource) Survey(ctx context.Context) (*mail.Survey, error) {
	survey, err := s.Source.Survey(ctx)
	if err != nil {
		return nil, err
	}
	left, excluded := s.patterns, s.excluded
	var names []string
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip == mail.NotSkipped {
			left, excluded = Without(left, m), Without(excluded, m)
			names = append(names, m.Name)
		}
	}
	if len(left) > 0 && len(left) == len(s.patterns) {
		if m := skippedBy(left[0], survey); m != nil {
			return nil, &hint.Error{Text: notArchived(m), Hint: howArchived(m), Err: mail.ErrNoMailbox}
		}
		return nil, NoMailbox("the account", string(left[0]), names, "")
	}
	s.warned.Do(func() {
		for _, p := range left {
			if m := skippedBy(p, survey); m != nil {
				s.host.Output.Warn("%s: %s: %s", ui.Safe(s.account), notArchived(m), howArchived(m))
			} else {
				s.host.Output.Warn("%s has no mailbox %s", ui.Safe(s.account), ui.Quote(string(p)))
			}
		}
		for _, p := range excluded {
			s.host.Output.Warn("--exclude %s: %s has no such mailbox", ui.Quote(string(p)), ui.Safe(s.account))
		}
	})
	return survey, nil
}

// skippedBy returns a mailbox that matches a pattern and is not archived by default, or nil.
func skippedBy(p Pattern, survey *mail.Survey) *mail.Mailbox {
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip != mail.NotSkipped && m.Selectable() && p.Matches(m) {
			return m
		}
	}
	return nil
}

func notArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "mailbox " + ui.Quote(m.Name) + " is virtual: it shows messages of other mailboxes"
	}
	return "mailbox " + ui.Quote(m.Name) + " is in a namespace of other users, and needs --namespace"
}

func howArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "--virtual archives it"
	}
	return "--namespace shared, --namespace other, or --namespace " + ui.Quote(m.Path()[0]+m.Delimiter)
}
