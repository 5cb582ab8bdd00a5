package backup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"golang.org/x/sync/errgroup"
)

// rounds bounds how often what changed under the reading is read again before a manifest is laid that is not proven
// consistent; roundsMost, where messages left their places meanwhile (departures).
const (
	rounds     = 4
	roundsMost = 12
)

// scheduler reads an account in rounds: it decides which mailboxes are read, and when.
type scheduler struct {
	*accountRun
	lostSinceComplete bool // what the manifest before a checkpoint has was looked at
}

// beginMoves begins a round: it decides whether ids prove anything, and takes mailboxes that are lost for sources.
// Where the last run was interruptGrace, what it found to have left its place is only in the manifest before it.
func (s *scheduler) beginMoves(ctx context.Context, survey *mail.Survey, before map[string]*manifest.Mailbox, lost []*manifest.Mailbox) error {
	s.moves.Begin(s.record.before, s.isForeign(s.parent) || s.isForeign(s.lastComplete) || identity.IsRenumbered(survey, before))
	for _, mailbox := range lost {
		s.moves.Lost(mailbox)
	}
	if s.parent == nil || s.parent.State == manifest.Complete || s.lastComplete == nil || s.lostSinceComplete {
		return nil
	}
	s.lostSinceComplete = true
	earlier, err := s.mailboxes(ctx, s.lastComplete)
	if err != nil {
		return err
	}
	for raw, mailbox := range earlier {
		if now := before[raw]; now == nil || !slices.Equal(now.Pages, mailbox.Pages) || !slices.Equal(now.Lists, mailbox.Lists) {
			s.moves.Lost(mailbox)
		}
	}
	return nil
}

// expect adds to the totals what mailboxes are likely to give.
func (s *scheduler) expect(due []*mailboxRun) {
	var arrived int64
	for _, r := range due {
		arrived += r.expected()
	}
	s.moves.Expect(arrived)
	s.progress.expect(arrived, int64(len(due)))
}

// unchangedSince is for the first survey of a run. It reports whether the parent's record of a mailbox can stay as it is.
func (s *scheduler) unchangedSince(observed time.Time) func(*manifest.Mailbox, *mail.Status) bool {
	twins := identity.Twins(s.record.before)
	return func(old *manifest.Mailbox, now *mail.Status) bool {
		return !old.Unproven && isUnchanged(old, now, observed) && !(twins[*now] && s.record.validities.Ambiguous(now))
	}
}

// readInRounds reads the whole account, and reads again what changed meanwhile, until a survey agrees with what is recorded: that
// survey proves that the record was the state of the account when it was taken (design, "How an account is read", 7).
// It reports whether it came to that.
func (s *scheduler) readInRounds(ctx context.Context) (consistent bool, err error) {
	for s.record.round = 0; s.record.round < rounds || s.vanished.any && s.record.round < roundsMost; s.record.round++ {
		survey, err := s.survey(ctx)
		if err != nil {
			return false, err
		}
		due, err := s.plan(ctx, survey)
		if err != nil {
			return false, err
		}
		if len(due) == 0 && !s.vanished.searchAgain {
			s.record.failMiscounted()
			return s.record.isComplete(), nil
		}
		if s.record.round > 0 { // the pages that this run wrote are about to be read
			if err := s.catalog.writer.Flush(ctx); err != nil {
				return false, err
			}
		}
		s.vanished.unread = 0
		if err := s.readMailboxes(ctx, due); err != nil {
			return false, err
		}
		if s.postponed.Load() {
			return false, quota.ErrSpent
		}
	}
	return false, s.vanished.reinstate(ctx)
}

// compare makes the record what the survey says: names, attributes and subscriptions are taken anew, and mailboxes that
// are gone leave it. It tells which mailboxes are to be read, because they may have changed since they were recorded, by
// this run or by the parent.
func (s *scheduler) plan(ctx context.Context, survey *mail.Survey) (due []*mailboxRun, err error) {
	observed, err := s.run.Now(ctx)
	if err != nil {
		return nil, err
	}
	before, unmoved, verify, err := s.recordsBefore(ctx, survey, observed)
	if err != nil {
		return nil, err
	}
	s.warnNotes(survey)
	s.warnSkipped(survey)
	isLabel := s.labelTest(survey)
	s.record.countFaults = survey.Gaps
	s.record.recorded, s.record.dangling, s.record.uncounted = make(map[string]*manifest.Mailbox, len(survey.Mailboxes)), survey.Dangling, false
	vanished := s.vanished.missing(survey, before)
	records := identity.Find(survey, before, vanished)
	var renamed []*manifest.Mailbox
	for _, listed := range survey.Mailboxes {
		match := records.Of(&listed)
		old := match.Record
		renamed = append(renamed, old)
		if !s.reads(listed) {
			// It was not asked for, and is not lost. What a virtual mailbox showed is recorded in its own mailbox.
			if old != nil && !match.Shared && listed.Skip != mail.SkipVirtual {
				s.record.carryOver(old, listed)
			}
			continue
		}
		listed.Label = isLabel(listed)
		if old != nil && old.Label {
			old = nil // its own messages were never read
		}
		if listed.Label {
			s.record.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: withoutMarks(listed)}
			continue
		}
		if s.record.round > 0 && isStillNonExistent(old, listed) {
			s.record.recorded[listed.Raw] = nonExistent(listed)
			continue
		}
		s.record.uncounted = s.record.uncounted || listed.Selectable() && listed.Status == nil
		switch {
		case !listed.Selectable():
			s.record.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: withoutMarks(listed)}
		case old != nil && !match.Doubtful && !slices.Contains(s.vanished.mailboxes, old) && unmoved(old, listed.Status):
			s.record.carryOver(old, listed)
			s.record.moveFailures(old.Raw, listed.Raw)
			if verify && old.Messages > 0 {
				due = append(due, &mailboxRun{account: s.accountRun, listed: listed, old: old, observed: observed, verify: true, verifyOnly: true})
			}
		default:
			r := &mailboxRun{account: s.accountRun, listed: listed, old: old, observed: observed, verify: verify}
			r.doubtful, r.shared, r.hasChildren = match.Doubtful, match.Shared, isParent(listed, survey)
			s.record.recorded[listed.Raw] = r.previous()
			due = append(due, r)
		}
	}
	s.expect(due)
	return due, s.beginMoves(ctx, survey, before, s.vanished.update(vanished, renamed))
}

// recordsBefore returns the records to compare a survey with, and a test whether the record of a mailbox can stay as it is. In the
// first round they are the parent's, and verify reports whether a sample is to be compared.
func (s *scheduler) recordsBefore(ctx context.Context, survey *mail.Survey, observed time.Time) (
	before map[string]*manifest.Mailbox, unmoved func(*manifest.Mailbox, *mail.Status) bool, verify bool, err error,
) {
	if s.record.recorded != nil {
		return s.record.recorded, s.record.isCurrent, false, nil
	}
	err = s.loadParent(ctx, survey)
	return s.record.before, s.unchangedSince(observed), s.sampler != nil, err
}

// begin reads the records of the parent, and decides whether they are of this server.
func (s *scheduler) loadParent(ctx context.Context, survey *mail.Survey) (err error) {
	if s.record.before, err = s.mailboxes(ctx, s.parent); err != nil {
		return err
	}
	s.record.validities = identity.CountValidities(s.record.before, survey)
	return s.checkServer(ctx, survey)
}

// readAll reads mailboxes side by side, the largest first, so that none of them is left to the end alone.
func (s *scheduler) readMailboxes(ctx context.Context, due []*mailboxRun) error {
	slices.SortStableFunc(due, func(a, b *mailboxRun) int { return cmp.Compare(b.expected(), a.expected()) })
	if err := s.each(ctx, toExamineFirst(due), (*mailboxRun).examineFirst); err != nil {
		return err
	}
	return s.each(ctx, due, func(r *mailboxRun, ctx context.Context) error {
		err := r.run(ctx)
		if err == nil {
			s.progress.finished()
		}
		return err
	})
}

func (s *scheduler) each(ctx context.Context, readings []*mailboxRun, do func(*mailboxRun, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.Source.Parallel()))
	for _, r := range readings {
		group.Go(func() error { return do(r, ctx) })
	}
	return group.Wait()
}
