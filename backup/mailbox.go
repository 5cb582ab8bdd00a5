package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// mailboxRun reads one mailbox in one round. It compares the server's mailbox with the archived one
// (old), downloads the new messages, and makes the manifest.Mailbox for the next manifest.
type mailboxRun struct {
	account     *accountRun
	listed      mail.Mailbox      // from the survey of this round
	hasChildren bool              // the survey lists mailboxes below it
	old         *manifest.Mailbox // as it is archived so far; nil: it is not
	observed    time.Time         // when the survey was taken, by the store's clock

	uncertain      bool // old was archived under another name, and may be another mailbox
	sharedValidity bool // with uncertain: other mailboxes have the same UIDVALIDITY

	// What messages may be matched with, besides those that moved.
	candidates  *manifest.Mailbox // as it was archived before this run; messages under the same UIDs may be the same
	differing   mail.UIDSet       // messages with another size or date than in candidates
	otherServer bool              // candidates has the same UIDVALIDITY, but is from another server

	verify      bool // compare a sample of old with the server
	verifyOnly  bool // do nothing else
	downloadAll bool // match nothing: the sample differed from the server

	connected func() // called once there is a connection for the mailbox; may be nil

	preview    *preview // nil: not taken yet
	remaining  int64    // at least so many messages of old still exist
	downloaded tally    // messages that were downloaded
	matched    tally    // messages that were matched with archived ones
}

// run reads the mailbox and records the result. If the mailbox cannot be read, it stays as it is
// archived and is listed among the failures; the other mailboxes go on.
func (r *mailboxRun) run(ctx context.Context) error {
	found, failures, err := r.read(ctx)
	if r.old != nil && archive.IsDamage(err) {
		// Damage in an earlier backup must not end this one.
		r.account.recorder.warn("the record of mailbox %q is damaged, so all of it is read again "+
			"(mailstrata check shows more): %v",
			r.listed.Name, err)
		r.old, r.preview, r.remaining = nil, nil, 0
		found, failures, err = r.read(ctx)
	}
	if err != nil {
		r.remaining = 0
	}
	r.account.recorder.setRemaining(r.listed.Raw, r.remaining)
	switch {
	case err == nil:
		r.account.recorder.set(r, found, failures)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, quota.ErrSpent):
		r.account.postponed.Store(true) // what was read is recorded; others go on as far as they need no download
	case errors.Is(err, mail.ErrNoMailbox) && r.listed.Status == nil && r.hasChildren:
		if r.old != nil && !r.uncertain && r.old.Messages > 0 {
			r.account.vanished.addMailbox(r.old)
		}
		r.account.recorder.set(r, nonExistent(r.listed), nil)
	case errors.Is(err, mail.ErrNoMailbox):
		// The mailbox was deleted or renamed after the survey. The next survey shows that. If it
		// lists the mailbox too, the server contradicts itself, and the mailbox counts as
		// unreadable: it stays as it is archived.
		r.giveUp(err, !r.account.recorder.wasGivenUp(r.listed.Raw))
	case errors.Is(err, source.ErrReset):
		// The mailbox was replaced after the survey. The next survey shows that. Until then it
		// stays as it is.
		r.giveUp(err, true)
	case errors.Is(err, mail.ErrRefused), errors.Is(err, mail.ErrFlood), errors.Is(err, manifest.ErrLimit):
		r.giveUp(err, false)
	case errors.Is(err, mail.ErrTemporary):
		// If the server answers a survey, the mailbox is at fault and not the server.
		if _, gone := r.account.Source.Survey(ctx); gone != nil {
			return err
		}
		r.giveUp(err, false)
	default:
		return fmt.Errorf("mailbox %q: %w", r.listed.Name, err)
	}
	return nil
}

// previous returns the old mailbox with the names and attributes of the survey.
func (r *mailboxRun) previous() *manifest.Mailbox {
	if r.old == nil || r.uncertain {
		return &manifest.Mailbox{Mailbox: withoutMarks(r.listed)}
	}
	return withListing(r.old, r.listed)
}

// inherited returns previous, marked as not read in this run.
func (r *mailboxRun) inherited() *manifest.Mailbox {
	m := r.previous()
	m.Inherited, m.Complete = r.old != nil && !r.uncertain, false
	return m
}

// read opens the mailbox and reads what is new and what changed. If the result does not add up to
// the number of messages that the server reported, it compares the flags of all messages, once.
func (r *mailboxRun) read(ctx context.Context) (*manifest.Mailbox, []manifest.Failure, error) {
	session := r.account.session(r.listed)
	defer func() { session.Release() }()
	p := r.preview
	if p == nil {
		p = r.examine(ctx, session)
	}
	r.preview = nil
	if p.err != nil || p.upToDate {
		found := r.previous()
		r.remaining = found.Messages
		return found, nil, p.err
	}
	if p.old != nil {
		r.remaining = p.old.Messages - p.change.Gone.Len()
	}
	session.Validity = p.validity
	found := p.found
	failures, err := r.update(ctx, session, p.old, found, p.change)
	if err == nil {
		r.noteMissing(found, failures)
		keepTimes(found, p.old)
	}
	if err != nil || len(failures) > 0 || found.Accounted() == int64(found.Status.Messages) {
		return found, failures, err
	}
	if err := r.account.catalog.writer.Flush(ctx); err != nil {
		return nil, nil, err
	}
	again := *found
	c, err := r.compare(ctx, session, found, &again, false)
	if err != nil {
		return nil, nil, err
	}
	r.account.vanished.add(found, &c.Gone)
	r.remaining -= c.Gone.Len()
	failures, err = r.update(ctx, session, found, &again, c)
	return &again, failures, err
}

// keepTimes keeps the times of the old mailbox if found is otherwise the same, so that its table
// does not change. FlagsRead matters only if HIGHESTMODSEQ is trusted.
func keepTimes(found, old *manifest.Mailbox) {
	if old == nil {
		return
	}
	same := *found
	if same.Observed = old.Observed; !found.Trusted {
		same.FlagsRead = old.FlagsRead
	}
	if reflect.DeepEqual(&same, old) {
		*found = same
	}
}

// noteMissing compares what was read with the survey. Messages that are missing left the mailbox
// after the survey, and may be in another one. The numbers in found.Status are the survey's, unless
// it has none of the mailbox.
func (r *mailboxRun) noteMissing(found *manifest.Mailbox, failures []manifest.Failure) {
	listed := r.listed.Status
	lacking := int64(found.Status.Messages) - found.Accounted() - int64(len(failures))
	if lacking > 0 || listed != nil && listed.UIDValidity != found.Status.UIDValidity {
		r.account.vanished.addUnread(lacking)
	}
}

// newMailbox returns a mailbox without messages. Its numbers are those of the survey, which are
// from before this view was opened. If the survey has none, or the mailbox was replaced since, they
// are those of the view.
func (r *mailboxRun) newMailbox(view source.View) *manifest.Mailbox {
	seen := view.Status()
	status := seen
	if listed := r.listed.Status; listed != nil && (listed.UIDValidity == seen.UIDValidity || seen.UIDValidity == 0) &&
		!identity.Contradict(listed.MailboxID, seen.MailboxID) {
		status = *listed
	}
	status.MailboxID = cmp.Or(status.MailboxID, seen.MailboxID)
	m := &manifest.Mailbox{Mailbox: withoutMarks(r.listed), Observed: r.observed, PermanentFlags: view.PermanentFlags()}
	m.Status = &status
	m.Trusted = status.HighestModSeq > 0 && seen.HighestModSeq > 0
	return m
}

// validMailbox returns the old mailbox, if its UIDs still identify the same messages.
func (r *mailboxRun) validMailbox(found *manifest.Mailbox) *manifest.Mailbox {
	old := r.old
	if old == nil || old.Status == nil {
		return nil
	}
	if found.Status.UIDValidity == 0 {
		r.account.recorder.warn("mailbox %q has no UIDVALIDITY, so all of it is read in each run", r.listed.Name)
		return nil
	}
	was, now := old.Status, found.Status
	if was.UIDValidity != now.UIDValidity || identity.Contradict(was.MailboxID, now.MailboxID) {
		// For an empty mailbox, Courier gives a new UIDVALIDITY each time until the mailbox is
		// opened once.
		if old.Messages > 0 {
			r.account.recorder.warn("mailbox %q was replaced or renumbered by the server (UIDVALIDITY %d is %d now), "+
				"so all of it is read again", r.listed.Name, was.UIDValidity, now.UIDValidity)
		}
		return nil
	}
	if was.HighestModSeq > now.HighestModSeq && (now.HighestModSeq > 0 || r.account.Continue == nil) {
		// 0 is usual for files that changed just now.
		r.account.recorder.warn("mailbox %q: HIGHESTMODSEQ fell from %d to %d and is no longer trusted",
			r.listed.Name, was.HighestModSeq, now.HighestModSeq)
		found.Trusted = false
	}
	arrived := was.UIDNext < now.UIDNext && was.UIDNext > 0
	if arrived && was.HighestModSeq == now.HighestModSeq && now.HighestModSeq > 0 && r.account.Continue == nil {
		// A source without UIDs of its own gives a message that cannot be read another UID each
		// time.
		r.distrustModSeq(found)
	}
	if !old.Trusted && was.HighestModSeq > 0 && old.Messages > 0 {
		found.Trusted = false
	}
	return old
}

// distrustModSeq stops relying on mod-sequences that stay the same while messages arrive or flags
// change (RFC 7162 section 3.1 requires them to change).
func (r *mailboxRun) distrustModSeq(found *manifest.Mailbox) {
	r.account.recorder.warn("mailbox %q changed but its HIGHESTMODSEQ, %d, did not, and is no longer trusted",
		r.listed.Name, found.Status.HighestModSeq)
	found.Trusted = false
}

// canAskForChanges reports whether to ask only for what changed since the old mailbox was archived.
func (r *mailboxRun) canAskForChanges(old, found *manifest.Mailbox) bool {
	return old != nil && old.Complete && old.Trusted && found.Trusted &&
		r.observed.Sub(old.FlagsRead) < flagsAgeLimit(old.Raw)
}

// giveUp keeps a mailbox that cannot be read as it is archived, with its earlier failures and the
// reason. If again is true, the next round tries once more.
func (r *mailboxRun) giveUp(reason error, again bool) {
	raw := r.listed.Raw
	failures := []manifest.Failure{{Mailbox: raw, Reason: reason.Error()}}
	earlier := r.account.recorder.failuresOf(raw)
	if len(earlier) == 0 && r.account.parent != nil {
		earlier = r.account.parent.Failures
	}
	for _, failure := range earlier {
		if failure.Mailbox == raw && failure.UID != 0 {
			failures = append(failures, failure)
		}
	}
	r.account.recorder.set(r, r.inherited(), failures)
	r.account.recorder.setGivenUp(raw, again)
	if again {
		r.account.vanished.addRound()
	}
}

// expected returns how many messages are likely to be downloaded.
func (r *mailboxRun) expected() int64 {
	now := r.listed.Status
	switch {
	case now == nil:
		return 0
	case r.old == nil || r.old.Status == nil || r.old.Status.UIDValidity != now.UIDValidity || r.old.Unproven:
		return int64(now.Messages)
	}
	arrived := int64(now.UIDNext) - int64(r.old.Status.UIDNext)
	return max(0, min(arrived, int64(now.Messages)), int64(now.Messages)-r.old.Accounted())
}
