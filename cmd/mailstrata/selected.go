package main

import (
	"context"
	"sync"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/mail"
)

// selected is a source that looks after its owner's slips: a --mailbox that the account does not have is told, and where
// nothing at all is left to archive, nothing is; an empty manifest would look like an account that was lost.
type selected struct {
	backup.Source
	account  string
	patterns []pattern
	program  *program
	told     sync.Once
}

func (s *selected) Survey(ctx context.Context) (*mail.Survey, error) {
	survey, err := s.Source.Survey(ctx)
	if err != nil {
		return nil, err
	}
	left := s.patterns
	var names []string
	for i := range survey.Mailboxes {
		left = without(left, &survey.Mailboxes[i])
		names = append(names, survey.Mailboxes[i].Name)
	}
	if len(left) > 0 && len(left) == len(s.patterns) {
		return nil, noMailbox("the account", string(left[0]), names, "")
	}
	s.told.Do(func() {
		for _, p := range left {
			s.program.warn("%s has no mailbox %s", safe(s.account), quoted(string(p)))
		}
	})
	return survey, nil
}
