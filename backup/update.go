package backup

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// compare finds out what changed since old was archived. It sets found.FlagsRead, when all flags
// were last read.
func (r *mailboxRun) compare(
	ctx context.Context, session *source.Session, old, found *manifest.Mailbox, byModSeq bool,
) (*compare.Change, error) {
	c := compare.New(old, found)
	var err error
	switch {
	case old == nil:
		c.Fresh.AddRange(mail.UIDRange{First: 1, Last: compare.LastUID(found)})
	case byModSeq:
		err = c.Ask(ctx, session, old, found, r.account.catalog.pages(ctx))
		if refuses := errors.Is(err, mail.ErrRefused); refuses || errors.Is(err, source.ErrUnknownChanges) {
			if refuses {
				r.account.recorder.warn("mailbox %q: the server offers to report what changed but refuses to, "+
					"so all flags are read", r.listed.Name)
			}
			byModSeq, c = false, compare.New(old, found)
			err = c.CompareFlags(ctx, session, old, found, r.account.catalog.pages(ctx))
		}
	default:
		err = c.CompareFlags(ctx, session, old, found, r.account.catalog.pages(ctx))
	}
	if err != nil {
		return nil, err
	}
	if old != nil && !byModSeq {
		r.candidates, r.differing = old, c.Differing
	}
	if c.Unmoved && found.Trusted {
		r.distrustModSeq(found)
	}
	found.FlagsRead = r.observed
	if byModSeq {
		found.FlagsRead = old.FlagsRead
	}
	r.warnOfUnknown(found, &c.Unknown)
	c.KeepErased(old, found)
	r.account.moves.Gone(old, c.Gone)
	return c, nil
}

// warnOfUnknown reports what the server does not give of messages. If flags or dates are missing,
// the next run reads those of the whole mailbox.
func (r *mailboxRun) warnOfUnknown(found *manifest.Mailbox, unknown *source.Unknown) {
	if unknown.Missing() {
		found.FlagsRead = time.Time{}
	}
	for _, text := range unknown.Warnings() {
		r.account.recorder.warn("mailbox %q: %s", r.listed.Name, text)
	}
}

// update makes the pages of found from those of old, if there are any, and what has changed. If a
// checkpoint becomes due, update records what it has, waits until the checkpoint is written, and
// continues with the rest.
func (r *mailboxRun) update(
	ctx context.Context, session *source.Session, old, found *manifest.Mailbox, c *compare.Change,
) ([]manifest.Failure, error) {
	var failures []manifest.Failure
	for {
		fetcher, err := r.downloadInto(ctx, session, old, found, c)
		if err != nil {
			return nil, err
		}
		failures = append(failures, fetcher.Failures...)
		if fetcher.Cut == nil {
			break
		}
		part := *found
		r.old = &part
		r.account.recorder.set(r, &part, failures)
		if !errors.Is(fetcher.Cut, fetch.ErrDue) {
			return failures, fetcher.Cut
		}
		session.Release() // other mailboxes need the connection while this one waits for the checkpoint
		if err := r.account.checkpoint(ctx); err != nil {
			return failures, err
		}
		old, c = &part, &compare.Change{Fresh: fetcher.Rest, Narrowed: true}
	}
	found.Complete = len(failures) == 0 && found.Accounted() == int64(found.Status.Messages) && found.Status.UIDNext > 0
	return failures, nil
}

// writeGrace is how long an interrupted run goes on writing what was downloaded. A store that does
// not answer must not hold it longer.
const writeGrace = 30 * time.Second

// downloadInto applies a change to the pages of found: the messages of old that are left, and the
// fresh ones while they are downloaded. found.Fill pulls the entries from fetcher.Entries while the
// fetcher's workers push them into a channel. If the download is cut short, found has what came
// until then.
func (r *mailboxRun) downloadInto(
	ctx context.Context, session *source.Session, old, found *manifest.Mailbox, c *compare.Change,
) (*fetch.Fetcher, error) {
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
		Shared: r.account.downloads,
		NewWriter: func() *ingest.MessageWriter {
			return ingest.NewMessageWriter(r.account.repo, r.account.catalog.writer, r.account.recovery)
		},
		Due: r.account.checkpoints.due, UseRecovered: !r.downloadAll, Match: r.match,
	}
	r.account.checkpoints.begin()
	defer r.account.checkpoints.end()
	fetcher.Start(ctx, session, fresh, r.account.Source.Parallel())
	defer fetcher.Stop()
	write, cancel := grace.Context(ctx, writeGrace)
	defer cancel()
	changes := manifest.Changes{Removed: c.Gone, Flags: c.Flags, Added: r.counted(fetcher.Entries(ctx))}
	err := found.Fill(old, changes, r.account.catalog.load(write), r.account.catalog.put(write))
	r.warnOfUnknown(found, &fetcher.Unknown)
	if n := fetcher.Erased.Len(); n > 0 {
		found.Erased = found.Erased.Union(fetcher.Erased)
		r.account.remark(false, "mailbox %q: %d messages were erased from this repository, and are left out",
			r.listed.Name, n)
	}
	return fetcher, err
}

// match returns the entries of messages that are archived already, by UID, and the UIDs of those
// that were erased.
func (r *mailboxRun) match(
	ctx context.Context, session *source.Session, messages []mail.Message,
) (entries map[mail.UID]manifest.Entry, erased mail.UIDSet, err error) {
	if r.downloadAll {
		return nil, erased, nil
	}
	matcher := moves.Matcher{
		Index: r.account.moves, Repo: r.account.repo,
		Candidates: r.candidates, Differing: r.differing, OtherServer: r.otherServer,
	}
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
		r.account.advance(0, true)
		if erasures.Message(content.Hash) { // the parent may still contain it
			erased.Add(message.UID)
			continue
		}
		entry := fetch.Entry(message, content)
		entry.ByID = true
		entries[message.UID] = entry
	}
	return entries, erased, nil
}

// counted counts entries while they are yielded.
func (r *mailboxRun) counted(entries iter.Seq2[manifest.Entry, error]) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		for entry, err := range entries {
			t := &r.downloaded
			if entry.ByID {
				t = &r.matched
			}
			t.messages++
			t.bytes += entry.Size
			if !yield(entry, err) {
				return
			}
		}
	}
}
