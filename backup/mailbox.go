package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// mailboxRun is the reading of one mailbox in one round: from what is recorded of it, and what the server tells, to what
// is recorded now.
type mailboxRun struct {
	account     *accountRun
	listed      mail.Mailbox      // by the survey of this round
	hasChildren bool              // the survey lists mailboxes below it
	old         *manifest.Mailbox // what is recorded of it; nil: nothing
	former      *manifest.Mailbox // old, before anything was read; its records nominate
	unproven    bool              // former has the same UIDVALIDITY, and was read at another server
	doubted     mail.UIDSet       // messages with another size or date than former has
	doubtful    bool              // old was recorded under another name, and may be of another mailbox
	shared      bool              // doubtful, and the UIDVALIDITY proves little
	observed    time.Time         // when the survey was taken, by the store's clock
	verify      bool              // a sample of old is to be compared with the server
	verifyOnly  bool              // nothing else is to be done
	mistrusted  bool              // nothing is to be taken but from the server: old was other than what it has

	preview    *preview // what a first look told; nil: not taken yet
	kept       int64    // at least so many messages of old are still there
	downloaded tally    // downloaded
	matched    tally    // taken by id
}

func (r *mailboxRun) count(entry manifest.Entry) {
	t := &r.downloaded
	if entry.ByID {
		t = &r.matched
	}
	t.messages++
	t.bytes += entry.Size
}

// counted counts entries as they are yielded.
func (r *mailboxRun) counted(entries iter.Seq2[manifest.Entry, error]) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		for entry, err := range entries {
			r.count(entry)
			if !yield(entry, err) {
				return
			}
		}
	}
}

// run reads the mailbox and puts what it found into the record. A mailbox that cannot be read does not stop the others:
// it stands as it was recorded before, and is named among the failures.
func (r *mailboxRun) run(ctx context.Context) error {
	found, failures, err := r.read(ctx)
	if r.old != nil && archive.IsDamage(err) {
		// A night must not end for what an earlier one lost.
		r.account.record.warn("what is recorded of mailbox %q cannot be read, and it is read anew (mailstrata check tells more): %v", r.listed.Name, err)
		r.old, r.preview, r.kept = nil, nil, 0
		found, failures, err = r.read(ctx)
	}
	if err != nil {
		r.kept = 0
	}
	r.account.record.setKept(r.listed.Raw, r.kept)
	switch {
	case err == nil:
		r.account.record.set(r, found, failures)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, quota.ErrSpent):
		r.account.postponed.Store(true) // what it has is in the record; others go on, as far as they need no download
	case errors.Is(err, mail.ErrNoMailbox) && r.listed.Status == nil && r.hasChildren:
		if r.old != nil && !r.doubtful && r.old.Messages > 0 {
			r.account.vanished.addMailbox(r.old)
		}
		r.account.record.set(r, nonExistent(r.listed), nil)
	case errors.Is(err, mail.ErrNoMailbox):
		// It was deleted or renamed since the survey, and the next one shows that. If that lists it too, the server
		// contradicts itself, and the mailbox is one that cannot be read: nothing is lost for it.
		r.giveUp(err, !r.account.record.wasGivenUp(r.listed.Raw))
	case errors.Is(err, source.ErrReset):
		// It was replaced since the survey. The next one shows that, and until then nothing is lost.
		r.giveUp(err, true)
	case errors.Is(err, mail.ErrRefused), errors.Is(err, mail.ErrFlood), errors.Is(err, manifest.ErrLimit):
		r.giveUp(err, false)
	case errors.Is(err, mail.ErrTemporary):
		// Is it this mailbox, or is the server gone? A survey tells.
		if _, gone := r.account.Source.Survey(ctx); gone != nil {
			return err
		}
		r.giveUp(err, false)
	default:
		return fmt.Errorf("mailbox %q: %w", r.listed.Name, err)
	}
	return nil
}

// previous is the mailbox as it was recorded before, as far as it was.
func (r *mailboxRun) previous() *manifest.Mailbox {
	if r.old == nil || r.doubtful {
		return &manifest.Mailbox{Mailbox: withoutMarks(r.listed)}
	}
	return withListing(r.old, r.listed)
}

// inherited is unread, of a mailbox that the server would not tell of.
func (r *mailboxRun) inherited() *manifest.Mailbox {
	m := r.previous()
	m.Inherited, m.Complete = r.old != nil && !r.doubtful, false
	return m
}

// read opens the mailbox and reads what is new and what changed. Where the server's answers do not add up to the number
// of messages that it told, all flags are read and compared, once.
func (r *mailboxRun) read(ctx context.Context) (*manifest.Mailbox, []manifest.Failure, error) {
	session := r.account.session(r.listed)
	defer func() { session.Release() }()
	s := r.preview
	if s == nil {
		s = r.examine(ctx, session)
	}
	r.preview = nil
	if s.err != nil || s.stands {
		found := r.previous()
		r.kept = found.Messages
		return found, nil, s.err
	}
	if s.old != nil {
		r.kept = s.old.Messages - s.change.Gone.Len()
	}
	session.Validity = s.validity
	found := s.found
	failures, err := r.update(ctx, session, s.old, found, s.change)
	if err == nil {
		r.noteMissing(found, failures)
		keepTimes(found, s.old)
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
	r.kept -= c.Gone.Len()
	failures, err = r.update(ctx, session, found, &again, c)
	return &again, failures, err
}

// keepTimes keeps the times of an old record that is otherwise the same, so that its table stays as it is. The time when flags
// were read in full matters only if HIGHESTMODSEQ is trusted.
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

// noteMissing compares what was read with what the survey counted: what lacks has left in between. Where no survey told, nobody
// knows.
func (r *mailboxRun) noteMissing(found *manifest.Mailbox, failures []manifest.Failure) {
	told := r.listed.Status
	lacking := int64(found.Status.Messages) - found.Accounted() - int64(len(failures))
	if lacking > 0 || told != nil && told.UIDValidity != found.Status.UIDValidity {
		r.account.vanished.addUnread(lacking)
	}
}

// begin is the mailbox's record without its messages. The numbers are the survey's, which were told before this view
// was opened; the view's own are taken where the survey has none, or is of a mailbox that has been replaced since.
func (r *mailboxRun) newRecord(view source.View) *manifest.Mailbox {
	seen := view.Status()
	status := seen
	if told := r.listed.Status; told != nil && (told.UIDValidity == seen.UIDValidity || seen.UIDValidity == 0) && !identity.Contradict(told.MailboxID, seen.MailboxID) {
		status = *told
	}
	status.MailboxID = cmp.Or(status.MailboxID, seen.MailboxID)
	m := &manifest.Mailbox{Mailbox: withoutMarks(r.listed), Observed: r.observed, PermanentFlags: view.PermanentFlags()}
	m.Status = &status
	m.Trusted = status.HighestModSeq > 0 && seen.HighestModSeq > 0
	return m
}

// validRecord is what is recorded of the mailbox, if its UIDs still mean the same messages.
func (r *mailboxRun) validRecord(found *manifest.Mailbox) *manifest.Mailbox {
	old := r.old
	if old == nil || old.Status == nil {
		return nil
	}
	if found.Status.UIDValidity == 0 {
		r.account.record.warn("mailbox %q has no UIDVALIDITY: its UIDs mean nothing on another day, and it is read anew", r.listed.Name)
		return nil
	}
	if old.Status.UIDValidity != found.Status.UIDValidity || identity.Contradict(old.Status.MailboxID, found.Status.MailboxID) {
		if old.Messages > 0 { // else nothing is: Courier tells another UIDVALIDITY of an empty mailbox each time, until one opens it
			r.account.record.warn("mailbox %q was replaced or renumbered by the server (UIDVALIDITY %d is %d now): it is read anew", r.listed.Name, old.Status.UIDValidity, found.Status.UIDValidity)
		}
		return nil
	}
	if old.Status.HighestModSeq > found.Status.HighestModSeq {
		r.account.record.warn("mailbox %q: HIGHESTMODSEQ fell from %d to %d: it is not relied on any more", r.listed.Name, old.Status.HighestModSeq, found.Status.HighestModSeq)
		found.Trusted = false
	}
	if now := found.Status; old.Status.HighestModSeq == now.HighestModSeq && now.HighestModSeq > 0 && old.Status.UIDNext < now.UIDNext && old.Status.UIDNext > 0 {
		r.distrustModSeq(found)
	}
	if !old.Trusted && old.Status.HighestModSeq > 0 && old.Messages > 0 {
		found.Trusted = false
	}
	return old
}

// distrust is for mod-sequences that stand still while messages come or flags change (RFC 7162 section 3.1 has them move).
func (r *mailboxRun) distrustModSeq(found *manifest.Mailbox) {
	r.account.record.warn("mailbox %q changed and its HIGHESTMODSEQ, %d, did not: it is not relied on any more", r.listed.Name, found.Status.HighestModSeq)
	found.Trusted = false
}

// canAskForChanges reports whether the server can be asked for what changed since the old record, rather than for all.
func (r *mailboxRun) canAskForChanges(old, found *manifest.Mailbox) bool {
	return old != nil && old.Complete && old.Trusted && found.Trusted && r.observed.Sub(old.FlagsRead) < flagsAgeLimit(old.Raw)
}

// compare finds out what changed since the old record, and notes in found when all flags were read.
func (r *mailboxRun) compare(ctx context.Context, session *source.Session, old, found *manifest.Mailbox, byModSeq bool) (*compare.Change, error) {
	c := compare.New(old, found)
	var err error
	switch {
	case old == nil:
		c.Fresh.AddRange(mail.UIDRange{First: 1, Last: compare.LastUID(found)})
	case byModSeq:
		if err = c.Ask(ctx, session, old, found, r.account.catalog.load(ctx)); errors.Is(err, mail.ErrRefused) {
			r.account.record.warn("mailbox %q: the server does not tell what changed, though it offers to: all flags are read", r.listed.Name)
			byModSeq, c = false, compare.New(old, found)
			err = c.CompareFlags(ctx, session, old, found, r.account.catalog.load(ctx))
		}
	default:
		err = c.CompareFlags(ctx, session, old, found, r.account.catalog.load(ctx))
	}
	if err != nil {
		return nil, err
	}
	if old != nil && !byModSeq {
		r.former, r.doubted = old, c.Doubted
	}
	if c.Unmoved && found.Trusted {
		r.distrustModSeq(found)
	}
	found.FlagsRead = r.observed
	if byModSeq {
		found.FlagsRead = old.FlagsRead
	}
	c.KeepErased(old, found)
	r.account.moves.Gone(old, c.Gone)
	return c, nil
}

// update makes found's pages from the old ones, if there are any, and what has changed.
func (r *mailboxRun) update(ctx context.Context, session *source.Session, old, found *manifest.Mailbox, c *compare.Change) ([]manifest.Failure, error) {
	var failures []manifest.Failure
	for {
		fetcher, err := r.add(ctx, session, old, found, c)
		if err != nil {
			return nil, err
		}
		failures = append(failures, fetcher.Failures...)
		if fetcher.Cut == nil {
			break
		}
		part := *found
		r.old = &part
		r.account.record.set(r, &part, failures)
		if !errors.Is(fetcher.Cut, fetch.ErrDue) {
			return failures, fetcher.Cut
		}
		session.Release() // nobody waits for a checkpoint with a connection in hand
		if err := r.account.checkpoint(ctx); err != nil {
			return failures, err
		}
		old, c = &part, &compare.Change{Fresh: fetcher.Rest, Narrowed: true}
	}
	found.Complete = len(failures) == 0 && found.Accounted() == int64(found.Status.Messages) && found.Status.UIDNext > 0
	return failures, nil
}

// writeGrace is how long an interrupted run goes on writing what was downloaded. A store that does not answer must not hold it
// longer.
const writeGrace = 30 * time.Second

// add puts the change into found's pages: what is in the old ones, without what is gone, and the fresh messages as they
// are downloaded. If the harvest is cut short, found has what came until then.
func (r *mailboxRun) add(ctx context.Context, session *source.Session, old, found *manifest.Mailbox, c *compare.Change) (*fetch.Fetcher, error) {
	if err := r.account.checkNotErased(ctx); err != nil {
		return nil, err
	}
	fresh := c.Fresh
	if !c.Narrowed {
		var err error
		if fresh, err = compare.Existing(ctx, session, found.Status.Messages, fresh); err != nil {
			return nil, err
		}
	}
	fetcher := &fetch.Fetcher{
		Account: r.account.downloads,
		NewFiler: func() *archive.MessageWriter {
			return archive.NewMessageWriter(r.account.repo, r.account.catalog.writer, r.account.recovery)
		},
		Due: r.account.checkpoints.due, Recovered: !r.mistrusted, Match: r.match,
	}
	r.account.checkpoints.begin()
	defer r.account.checkpoints.end()
	fetcher.Start(ctx, session, fresh, r.account.Source.Parallel())
	defer fetcher.Stop()
	write, cancel := grace.Context(ctx, writeGrace)
	defer cancel()
	changes := manifest.Changes{Removed: c.Gone, Flags: c.Flags, Added: r.counted(fetcher.Entries(ctx))}
	err := found.Fill(old, changes, r.account.catalog.load(write), r.account.catalog.put(write))
	if n := fetcher.Erased.Len(); n > 0 {
		found.Erased = found.Erased.Union(fetcher.Erased)
		r.account.remark(false, "mailbox %q: %d messages were erased from this repository, and are left out", r.listed.Name, n)
	}
	return fetcher, err
}

// match returns the entries of messages that are archived already, by UID, and the UIDs of those that were erased.
func (r *mailboxRun) match(
	ctx context.Context, session *source.Session, messages []mail.Message,
) (entries map[mail.UID]manifest.Entry, erased mail.UIDSet, err error) {
	if r.mistrusted {
		return nil, erased, nil
	}
	matcher := moves.Matcher{Index: r.account.moves, Repo: r.account.repo, Former: r.former, Doubted: r.doubted, Unproven: r.unproven}
	matched, err := matcher.Match(ctx, session, messages)
	if err != nil || len(matched) == 0 {
		return nil, erased, err
	}
	erasures, err := r.account.run.Erasures(ctx)
	if err != nil {
		return nil, erased, err
	}
	entries = make(map[mail.UID]manifest.Entry, len(matched))
	for _, message := range messages {
		content, ok := matched[message.UID]
		if !ok {
			continue
		}
		r.account.advance(0, 1)
		if erasures.Message(content.Hash) { // the parent may still have it
			erased.Add(message.UID)
			continue
		}
		entry := fetch.Entry(message, content)
		entry.ByID = true
		entries[message.UID] = entry
	}
	return entries, erased, nil
}

// giveUp records a mailbox that cannot be read as it was recorded before, with what was known to be missing of it then,
// and says why. With again, another round tries, if the survey still lists it.
func (r *mailboxRun) giveUp(reason error, again bool) {
	raw := r.listed.Raw
	failures := []manifest.Failure{{Mailbox: raw, Reason: reason.Error()}}
	earlier := r.account.record.failuresOf(raw)
	if len(earlier) == 0 && r.account.parent != nil {
		earlier = r.account.parent.Failures
	}
	for _, failure := range earlier {
		if failure.Mailbox == raw && failure.UID != 0 {
			failures = append(failures, failure)
		}
	}
	r.account.record.set(r, r.inherited(), failures)
	r.account.record.setGivenUp(raw, again)
	if again {
		r.account.vanished.addRound()
	}
}

// expected is how many messages a reading is likely to download.
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
