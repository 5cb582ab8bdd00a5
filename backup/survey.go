package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

const excluding = "--exclude hides this warning"

// survey lists the mailboxes of the account with their current numbers.
func (s *scheduler) survey(ctx context.Context) (survey *mail.Survey, err error) {
	most := source.MaxAttempts
	if s.recorder.round == 0 {
		most = source.OpenAttempts
	}
	attempts := 0
	err = source.Retry(ctx, s.waits, most, func() error {
		asked := time.Now()
		survey, err = s.Source.Survey(ctx)
		if err == nil && survey.Time.Before(asked) && !s.mayBeEarly(survey.Time) {
			survey, err = s.Source.Survey(ctx)
		}
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

// maxEarly is how old an early survey may be, and clocksDiffer how far the clocks of the store and
// of this host may drift apart in that time, with the whole seconds that some stores report.
const (
	maxEarly     = 30 * time.Second
	clocksDiffer = 5 * time.Second
)

// mayBeEarly reports whether a survey counts that was taken before the run began, while the
// repository was opened. It must be newer than the parent, or a mailbox would seem to have gone
// back.
func (s *scheduler) mayBeEarly(taken time.Time) bool {
	early := s.began.Sub(taken)
	return time.Since(taken) < maxEarly &&
		(s.parent == nil || s.parent.Stored.Add(clocksDiffer).Before(s.run.Start().Add(-early)))
}

// warnNotes adds the notes of a survey to the warnings.
func (s *scheduler) warnNotes(survey *mail.Survey) {
	for _, note := range survey.Notes {
		s.recorder.warn("%s", note)
	}
}

// labelTest returns a test for mailboxes that are not read because their messages are read in the
// mailbox of all mail (\All). If that is not selected, a label is a mailbox like any other.
func (s *scheduler) labelTest(survey *mail.Survey) func(mail.Mailbox) bool {
	whole := !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Has(`\All`) && !s.reads(m) })
	return func(m mail.Mailbox) bool { return m.Label && whole }
}

// warnSkipped warns of mailboxes that are not read, unless the user excluded them.
func (s *scheduler) warnSkipped(survey *mail.Survey) {
	count, example := make(map[mail.Skip]int), make(map[mail.Skip]string)
	s.recorder.outside = ""
	for _, m := range survey.Mailboxes {
		if m.Skip == mail.NotSkipped || !m.Selectable() {
			continue
		}
		if m.Skip == mail.SkipForeign && s.recorder.outside == "" {
			s.recorder.outside = m.Name
		}
		if !s.wants(m) {
			continue
		}
		if count[m.Skip]++; count[m.Skip] == 1 {
			example[m.Skip] = m.Name
		}
	}
	if n := count[mail.SkipForeign]; n > 0 {
		s.recorder.warn("shared and other users' mailboxes are not archived: %d, such as %q (--namespace archives them, %s)",
			n, example[mail.SkipForeign], excluding)
	}
	if n := count[mail.SkipVirtual]; n > 0 {
		s.recorder.warn("virtual mailboxes, which show messages of other mailboxes, are not archived: %d, such as %q "+
			"(--virtual archives them, %s)",
			n, example[mail.SkipVirtual], excluding)
	}
}

const onlyProven = "every archived message is compared with the server before it counts"

// checkServer marks all archived mailboxes as unproven if the account is on another server than
// before.
func (s *scheduler) checkServer(ctx context.Context, survey *mail.Survey) error {
	if s.parent == nil {
		return nil
	}
	other := identity.Server(s.parent.Source) != identity.Server(s.URL)
	earlier, err := s.catalog.serverOf(ctx, s.parent.Manifest, s.server)
	if err != nil {
		return err
	}
	before, now := identity.Software(earlier.ID), identity.Software(s.server.ID)
	switch {
	case other:
		s.recorder.warn("the account was read as %s before and is read as %s now: %s",
			s.parent.Source, s.URL, onlyProven)
	case before == now:
		return nil
	default:
		same, err := s.sampleAccount(ctx, survey)
		if same && err == nil {
			s.remark(true, "the server calls itself %q and was %q before: a sample of messages equals the archive",
				now, before)
		}
		if err != nil || same {
			return err
		}
		s.recorder.warn("the server called itself %q before and calls itself %q now, "+
			"and messages differ from the archive: %s", before, now, onlyProven)
	}
	for _, m := range s.recorder.before {
		m.Unproven = m.Accounted() > 0
	}
	return nil
}

// sampleAccount makes a spot check of the largest mailboxes whose UIDVALIDITY did not change.
func (s *scheduler) sampleAccount(ctx context.Context, survey *mail.Survey) (same bool, err error) {
	var old []*mailboxRun
	for _, listed := range survey.Mailboxes {
		was := s.recorder.before[listed.Raw]
		if was == nil || was.Messages == 0 || was.Unproven || !s.reads(listed) || listed.Status == nil {
			continue
		}
		if listed.Status.UIDValidity == was.UIDValidity() {
			old = append(old, &mailboxRun{account: s.accountRun, listed: listed, old: was})
		}
	}
	slices.SortStableFunc(old, func(a, b *mailboxRun) int { return cmp.Compare(b.old.Messages, a.old.Messages) })
	for _, r := range old[:min(len(old), maxSpotChecks)] {
		session := s.session(r.listed)
		same, err := r.spotCheck(ctx, session, r.old)
		session.Release()
		switch {
		case errors.Is(err, mail.ErrNoMailbox), errors.Is(err, mail.ErrRefused), errors.Is(err, mail.ErrTemporary),
			archive.IsDamage(err):
			continue // reading the mailbox reports the error
		case err != nil || !same:
			return false, err
		}
	}
	return true, nil
}

// isForeign reports whether the ids in an earlier manifest are from another server.
func (a *accountRun) isForeign(m *base) bool {
	return m != nil && identity.Server(m.Source) != identity.Server(a.URL)
}
