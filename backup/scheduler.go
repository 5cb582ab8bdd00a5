package backup

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// maxRounds is how often an account is read while it changes, before a manifest is written that is
// not proven consistent. If messages vanish, there are up to maxRoundsVanished rounds.
const (
	maxRounds         = 4
	maxRoundsVanished = 12
)

// scheduler reads an account in rounds. It decides which mailboxes are read in a round, and in
// which order.
type scheduler struct {
	*accountRun
	lostSinceComplete bool // what vanished since lastComplete was given to moves
}

// beginMoves begins a round of matching: it decides whether ids count, and adds the mailboxes that
// are lost. After an interrupted run, what that run found to be gone is only in the last complete
// manifest.
func (s *scheduler) beginMoves(
	ctx context.Context, survey *mail.Survey, before map[string]*manifest.Mailbox, lost []*manifest.Mailbox,
) error {
	foreign := s.isForeign(s.parent) || s.isForeign(s.lastComplete) || identity.IsRenumbered(survey, before)
	s.moves.Begin(s.recorder.before, foreign)
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
		if now := before[raw]; now == nil || !now.HasSamePages(mailbox) {
			s.moves.Lost(mailbox)
		}
	}
	return nil
}

// expect adds to the totals.
func (s *scheduler) expect(due []*mailboxRun) {
	var arrived int64
	for _, r := range due {
		arrived += r.expected()
	}
	s.moves.Expect(arrived)
	s.progress.expect(arrived, int64(len(due)))
}

// unchangedSince returns a test for the first round: whether a mailbox can stay as the parent has
// it.
func (s *scheduler) unchangedSince(observed time.Time) func(*manifest.Mailbox, *mail.Status) bool {
	shared := identity.SharedNumbers(s.recorder.before)
	return func(old *manifest.Mailbox, now *mail.Status) bool {
		return !old.Unproven && isUnchanged(old, now, observed) &&
			!(shared[*now] && s.recorder.validities.Ambiguous(now))
	}
}

// readInRounds reads the account, and reads again what changed meanwhile, until a survey agrees
// with what is recorded. That survey proves that the manifest is the state of the account when the
// survey was taken (docs/design/reading.md). readInRounds reports whether this happened.
func (s *scheduler) readInRounds(ctx context.Context) (consistent bool, err error) {
	rec := s.recorder
	for rec.round = 0; rec.round < maxRounds || s.vanished.any && rec.round < maxRoundsVanished; rec.round++ {
		due, err := s.beginRound(ctx)
		if err != nil {
			return false, err
		}
		if len(due) == 0 && !s.vanished.searchAgain {
			rec.failMiscounted()
			return rec.isComplete(), nil
		}
		if rec.round > 0 { // pages that this run wrote are about to be read
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
		if err := s.readProperties(ctx); err != nil { // now, so that their pages are stored with those of the mail
			return false, err
		}
	}
	return false, s.vanished.reinstate(ctx)
}

// lastSurveyGrace is how long an interrupted run that has read everything waits for the survey that
// confirms it.
const lastSurveyGrace = 5 * time.Second

// beginRound takes a survey and plans the round. If the run is interrupted after everything was
// read, beginRound goes on: what the survey confirms is complete.
func (s *scheduler) beginRound(ctx context.Context) (due []*mailboxRun, err error) {
	asking := ctx
	if s.recorder.round > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var answered, planned context.CancelFunc
		asking, answered = grace.Context(ctx, lastSurveyGrace)
		defer answered()
		ctx, planned = grace.Context(ctx, writeGrace)
		defer planned()
	}
	flushed := s.flushAhead(ctx)
	survey, err := s.survey(asking)
	if err := cmp.Or(err, flushed()); err != nil {
		return nil, err
	}
	return s.plan(ctx, survey)
}

// flushAhead stores what the rounds so far have recorded, tables included, while the next survey is
// taken: the survey usually agrees, and then the manifest alone is left to put. If it does not
// agree, the pages have to be flushed anyway, because the next round may read them. Accounts that
// share packs are flushed together instead. The function that flushAhead returns waits for the end.
func (s *scheduler) flushAhead(ctx context.Context) (wait func() error) {
	if s.recorder.round == 0 || s.shared {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		err := s.record(ctx, new(manifest.Manifest))
		if err == nil {
			err = s.catalog.writer.Flush(ctx)
		}
		done <- err
	}()
	return func() error { return <-done }
}

// plan begins a round. It takes names, attributes and subscriptions from the survey, drops
// mailboxes that are gone, and returns the mailboxes to read: those that may have changed since
// they were recorded by this run or by the parent.
func (s *scheduler) plan(ctx context.Context, survey *mail.Survey) (due []*mailboxRun, err error) {
	observed, err := s.run.Now(ctx)
	if err != nil {
		return nil, err
	}
	before, unmoved, verify, err := s.mailboxesBefore(ctx, survey, observed)
	if err != nil {
		return nil, err
	}
	s.warnNotes(survey)
	s.warnSkipped(survey)
	isLabel := s.labelTest(survey)
	s.recorder.countFaults = survey.Gaps
	s.recorder.recorded = make(map[string]*manifest.Mailbox, len(survey.Mailboxes))
	s.recorder.dangling, s.recorder.uncounted = survey.Dangling, false
	vanished := s.vanished.missing(survey, before)
	matches := identity.Find(survey, before, vanished)
	current := &round{scheduler: s, survey: survey, observed: observed, unmoved: unmoved, verify: verify}
	var renamed []*manifest.Mailbox
	for _, listed := range survey.Mailboxes {
		match := matches.Of(&listed)
		renamed = append(renamed, match.Old)
		if !s.reads(listed) {
			// Deselecting a mailbox loses nothing. What a virtual mailbox showed is recorded in its
			// own mailbox.
			if match.Old != nil && !match.Shared && listed.Skip != mail.SkipVirtual {
				s.recorder.carryOver(match.Old, listed)
			}
			continue
		}
		listed.Label = isLabel(listed)
		if r := current.add(listed, match); r != nil {
			due = append(due, r)
		}
	}
	s.expect(due)
	return due, s.beginMoves(ctx, survey, before, s.vanished.update(vanished, renamed))
}

// round is one survey, and what its mailboxes are compared with.
type round struct {
	*scheduler
	survey   *mail.Survey
	observed time.Time
	unmoved  func(*manifest.Mailbox, *mail.Status) bool // whether the numbers of a mailbox are those that are archived
	verify   bool                                       // unmoved mailboxes, too
}

// add records a mailbox of the survey as it was before, and returns it if it is to be read.
func (s *round) add(listed mail.Mailbox, match identity.Match) *mailboxRun {
	old := match.Old
	if old != nil && old.Label {
		old = nil // the messages of a label were never read
	}
	if listed.Label {
		s.recorder.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: withoutMarks(listed)}
		return nil
	}
	if s.recorder.round > 0 && isStillNonExistent(old, listed) {
		s.recorder.recorded[listed.Raw] = nonExistent(listed)
		return nil
	}
	s.recorder.uncounted = s.recorder.uncounted || listed.Selectable() && listed.Status == nil
	if !listed.Selectable() {
		s.recorder.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: withoutMarks(listed)}
		return nil
	}
	r := &mailboxRun{account: s.accountRun, listed: listed, old: old, observed: s.observed, verify: s.verify}
	if old != nil && !match.Uncertain && !slices.Contains(s.vanished.mailboxes, old) && s.unmoved(old, listed.Status) {
		s.recorder.carryOver(old, listed)
		s.recorder.moveFailures(old.Raw, listed.Raw)
		if r.verifyOnly = s.verify && old.Messages > 0; r.verifyOnly {
			return r
		}
		return nil
	}
	r.uncertain, r.sharedValidity, r.hasChildren = match.Uncertain, match.Shared, isParent(listed, s.survey)
	s.recorder.recorded[listed.Raw] = r.previous()
	return r
}

// mailboxesBefore returns the archived mailboxes to compare a survey with, and a test whether one
// can stay as it is. In the first round they are the parent's, and verify reports whether to
// compare a sample.
func (s *scheduler) mailboxesBefore(ctx context.Context, survey *mail.Survey, observed time.Time) (
	before map[string]*manifest.Mailbox, unmoved func(*manifest.Mailbox, *mail.Status) bool, verify bool, err error,
) {
	if s.recorder.recorded != nil {
		return s.recorder.recorded, s.recorder.isCurrent, false, nil
	}
	err = s.loadParent(ctx, survey)
	return s.recorder.before, s.unchangedSince(observed), s.sampler != nil, err
}

// loadParent reads the mailboxes of the parent, and decides whether they are of this server.
func (s *scheduler) loadParent(ctx context.Context, survey *mail.Survey) (err error) {
	if s.recorder.before, err = s.mailboxes(ctx, s.parent); err != nil {
		return err
	}
	s.recorder.validities = identity.CountValidities(s.recorder.before, survey)
	return s.checkServer(ctx, survey)
}

// readMailboxes reads mailboxes in parallel, the largest first, so that none of them is left over
// at the end. What they need of the store is requested while they are opened.
func (s *scheduler) readMailboxes(ctx context.Context, due []*mailboxRun) error {
	defer s.requestAhead(ctx, due)()
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

// requestAhead begins to read what updates of the mailboxes need of the store. done ends that.
func (s *scheduler) requestAhead(ctx context.Context, due []*mailboxRun) (done func()) {
	s.catalog.writer.Prepare()
	var archived []*manifest.Mailbox
	for _, r := range due {
		if r.old != nil {
			archived = append(archived, r.old)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { s.catalog.readAhead(ctx, archived) })
	return func() {
		cancel()
		reading.Wait()
	}
}

// each calls do for mailboxes, for as many at once as the source has connections.
func (s *scheduler) each(
	ctx context.Context, runs []*mailboxRun, do func(*mailboxRun, context.Context) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.Source.Parallel()))
	for i, r := range runs {
		first := i == 0 && r.old == nil // do may change r.old
		connected := make(chan struct{})
		r.connected = sync.OnceFunc(func() { close(connected) })
		group.Go(func() error {
			defer r.connected()
			return do(r, ctx)
		})
		if first {
			<-connected // the connection that took the survey goes to the largest mailbox, and the others are still to be made
		}
	}
	return group.Wait()
}
