package main

import (
	"context"
	"sync"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// selected is a source that looks after its owner's slips: a --mailbox that the account does not have is told, and where
// nothing at all is left to archive, nothing is; an empty manifest would look like an account that was lost.
type selected struct {
	source.Source
	account  string
	patterns []pattern
	excluded []pattern // that the command line names
	program  *program
	told     sync.Once
}

func (s *selected) Survey(ctx context.Context) (*mail.Survey, error) {
	survey, err := s.Source.Survey(ctx)
	if err != nil {
		return nil, err
	}
	left, excluded := s.patterns, s.excluded
	var names []string
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip == mail.NotSkipped {
			left, excluded = without(left, m), without(excluded, m)
			names = append(names, m.Name)
		}
	}
	if len(left) > 0 && len(left) == len(s.patterns) {
		if m := skippedBy(left[0], survey); m != nil {
			return nil, &hintedError{text: notArchived(m), hint: howArchived(m), err: mail.ErrNoMailbox}
		}
		return nil, noMailbox("the account", string(left[0]), names, "")
	}
	s.told.Do(func() {
		for _, p := range left {
			if m := skippedBy(p, survey); m != nil {
				s.program.warn("%s: %s: %s", safe(s.account), notArchived(m), howArchived(m))
			} else {
				s.program.warn("%s has no mailbox %s", safe(s.account), quoted(string(p)))
			}
		}
		for _, p := range excluded {
			s.program.warn("--exclude %s leaves nothing out: %s has no such mailbox", quoted(string(p)), safe(s.account))
		}
	})
	return survey, nil
}

// skippedBy returns a mailbox that fits a pattern and is not archived by default, or nil.
func skippedBy(p pattern, survey *mail.Survey) *mail.Mailbox {
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip != mail.NotSkipped && m.Selectable() && p.matches(m) {
			return m
		}
	}
	return nil
}

func notArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "mailbox " + quoted(m.Name) + " is virtual: its messages lie in other mailboxes"
	}
	return "mailbox " + quoted(m.Name) + " is in a namespace of others, which you must name"
}

func howArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "--virtual archives it"
	}
	return "--namespace shared, --namespace other, or --namespace " + quoted(m.Path()[0]+m.Delimiter)
}
