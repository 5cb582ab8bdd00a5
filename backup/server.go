package backup

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/mail"
)

const onlyProven = "every archived message is compared with the server before it counts"

// checkServer marks all records as unproven if the account is on another server than before.
func (s *scheduler) checkServer(ctx context.Context, survey *mail.Survey) error {
	if s.parent == nil {
		return nil
	}
	other := identity.Server(s.parent.Source) != identity.Server(s.URL)
	switch {
	case other:
		s.record.warn("the account was read as %s before and is read as %s now: %s", s.parent.Source, s.URL, onlyProven)
	case identity.Software(s.parent.Server.ID) == identity.Software(s.server.ID):
		return nil
	default:
		same, err := s.sampleAccount(ctx, survey)
		if err != nil || same {
			return err
		}
		s.record.warn("the server called itself %q before and calls itself %q now, and messages differ from the archive: %s",
			identity.Software(s.parent.Server.ID), identity.Software(s.server.ID), onlyProven)
	}
	for _, m := range s.record.before {
		m.Unproven = m.Accounted() > 0
	}
	return nil
}

// sampleAccount makes a spot check of the largest mailboxes whose UIDVALIDITY did not change.
func (s *scheduler) sampleAccount(ctx context.Context, survey *mail.Survey) (same bool, err error) {
	var old []*mailboxRun
	for _, listed := range survey.Mailboxes {
		was := s.record.before[listed.Raw]
		if was == nil || was.Messages == 0 || was.Unproven || !s.reads(listed) || listed.Status == nil {
			continue
		}
		if listed.Status.UIDValidity == was.UIDValidity() {
			old = append(old, &mailboxRun{account: s.accountRun, listed: listed, old: was})
		}
	}
	slices.SortStableFunc(old, func(a, b *mailboxRun) int { return cmp.Compare(b.old.Messages, a.old.Messages) })
	for _, r := range old[:min(len(old), spotMailboxes)] {
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
	s.remark(true, "the server calls itself %q and was %q before: a sample of messages equals the archive",
		identity.Software(s.server.ID), identity.Software(s.parent.Server.ID))
	return true, nil
}

// isForeign reports whether the ids in an earlier manifest are from another server.
func (a *accountRun) isForeign(m *base) bool {
	return m != nil && identity.Server(m.Source) != identity.Server(a.URL)
}
