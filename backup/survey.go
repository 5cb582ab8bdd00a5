package backup

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

const excluding = "--exclude hides this warning"

// survey lists the mailboxes of the account with their current numbers.
func (s *scheduler) survey(ctx context.Context) (survey *mail.Survey, err error) {
	most := source.MaxAttempts
	if s.record.round == 0 {
		most = source.OpenAttempts
	}
	attempts := 0
	err = source.Retry(ctx, s.waits, most, func() error {
		survey, err = s.Source.Survey(ctx)
		if attempts++; attempts == 2 && err != nil && source.IsTransient(err) && ctx.Err() == nil {
			s.remark(false, "the mailboxes cannot be listed yet; trying at most %d more times: %v", most-attempts, err)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("list mailboxes: %w", err)
	}
	return survey, err
}

// warnNotes adds the notes of a survey to the warnings.
func (s *scheduler) warnNotes(survey *mail.Survey) {
	for _, note := range survey.Notes {
		s.record.warn("%s", note)
	}
}

// labelTest returns a test for mailboxes that are not read because their messages are read in the mailbox of all mail
// (\All). If that is not selected, a label is a mailbox like any other.
func (s *scheduler) labelTest(survey *mail.Survey) func(mail.Mailbox) bool {
	whole := !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Has(`\All`) && !s.reads(m) })
	return func(m mail.Mailbox) bool { return m.Label && whole }
}

// warnSkipped warns of mailboxes that are not read, unless the user excluded them.
func (s *scheduler) warnSkipped(survey *mail.Survey) {
	count, example := make(map[mail.Skip]int), make(map[mail.Skip]string)
	s.record.outside = ""
	for _, m := range survey.Mailboxes {
		if m.Skip == mail.NotSkipped || !m.Selectable() {
			continue
		}
		if m.Skip == mail.SkipForeign && s.record.outside == "" {
			s.record.outside = m.Name
		}
		if !s.wants(m) {
			continue
		}
		if count[m.Skip]++; count[m.Skip] == 1 {
			example[m.Skip] = m.Name
		}
	}
	if n := count[mail.SkipForeign]; n > 0 {
		s.record.warn("shared and other users' mailboxes are not archived: %d, such as %q (--namespace archives them, %s)",
			n, example[mail.SkipForeign], excluding)
	}
	if n := count[mail.SkipVirtual]; n > 0 {
		s.record.warn("virtual mailboxes, which show messages of other mailboxes, are not archived: %d, such as %q "+
			"(--virtual archives them, %s)",
			n, example[mail.SkipVirtual], excluding)
	}
}
