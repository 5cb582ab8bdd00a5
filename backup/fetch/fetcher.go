package fetch

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Fetcher downloads messages of one mailbox over several connections. It yields their entries in
// the order of their UIDs.
type Fetcher struct {
	Shared       *Shared
	NewWriter    func() *ingest.MessageWriter // called once for each connection
	Due          func() bool                  // reports whether to stop because a checkpoint is due
	UseRecovered bool                         // whether to use Shared.Recovered

	// Match returns the entries of messages that need no download, and the UIDs of messages to
	// leave out.
	Match func(context.Context, *source.Session, []mail.Message) (map[mail.UID]manifest.Entry, mail.UIDSet, error)

	Failures []manifest.Failure // complete when Entries has ended
	Cut      error              // why Entries ended early: ErrDue, quota.ErrSpent or what went wrong
	Rest     mail.UIDSet        // the messages that were not reached
	Erased   mail.UIDSet        // messages that are left out because they were erased from the repository
	Unknown  source.Unknown     // of messages that were yielded

	queue  *queue
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// ErrDue cuts a Fetcher short, so that its messages can go into a checkpoint.
var ErrDue = errors.New("a checkpoint is due")

// result is the outcome of a window.
type result struct {
	entries  []manifest.Entry
	failures []manifest.Failure
	erased   mail.UIDSet
	unknown  source.Unknown
	err      error // why messages of the window are missing
}

// errNoWindow means that no window is left.
var errNoWindow = errors.New("nothing is left to download")

// Start begins to download messages. The first connection is the session's own, which takes the
// first window; up to parallel-1 others join while they are free.
func (f *Fetcher) Start(ctx context.Context, own *source.Session, uids mail.UIDSet, parallel int) {
	list := windows(uids)
	helpers := max(1, min(parallel, len(list))) - 1
	f.queue = newQueue(list, helpers+1, func() bool { return f.Due() || f.Shared.Quota.Err() != nil })
	ctx, f.cancel = context.WithCancel(ctx)
	first := f.queue.take(ctx, own)
	f.work.Go(func() { f.runWorker(ctx, own, first) })
	for range helpers {
		f.work.Go(func() { f.help(ctx, own.Another()) })
	}
}

// help opens the mailbox on another connection and fetches windows through it. It takes a window
// once it has a connection, because a window that was handed out must not wait for one.
func (f *Fetcher) help(ctx context.Context, session *source.Session) {
	var taken *job
	_, err := session.OpenFor(ctx, func() (mail.UIDRange, error) {
		if taken == nil {
			taken = f.queue.takeNow(ctx, 0)
		}
		switch {
		case taken != nil:
			return span(taken.uids), nil
		case f.queue.hasEnded():
			return mail.UIDRange{}, errNoWindow
		}
		return mail.UIDRange{}, nil
	})
	if err == nil || taken != nil {
		f.runWorker(ctx, session, taken)
	}
	session.Release()
}

// runWorker fetches windows through one session until there are no more. It begins with first, if
// that is not nil.
func (f *Fetcher) runWorker(ctx context.Context, session *source.Session, first *job) {
	f.queue.join(1)
	defer f.queue.join(-1)
	writer := f.NewWriter()
	defer writer.Close()
	for j := first; ; {
		if j == nil {
			j = f.queue.take(ctx, session)
		}
		if j == nil {
			session.Release() // the session passed to Start, too: a window under way may need the connection
			return
		}
		result, next := f.window(ctx, session, writer, j.uids)
		j.out <- result
		j = next
	}
}

// Stop ends the downloads, whether they are complete or not.
func (f *Fetcher) Stop() {
	f.cancel()
	f.work.Wait()
}

// Entries yields the entries of the messages, ascending by UID. An error ends the sequence early
// and is recorded in Cut: the entries yielded until then are good.
func (f *Fetcher) Entries(ctx context.Context) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		done := 0
		defer func() {
			for _, uids := range f.queue.windows[done:] {
				for r := range uids.Ranges() {
					f.Rest.AddRange(r)
				}
			}
			if f.Cut == nil && done < len(f.queue.windows) {
				f.Cut = cmp.Or(context.Cause(ctx), f.Shared.Quota.Err(), ErrDue)
			}
		}()
		for out := range f.queue.results {
			<-f.queue.room
			result := <-out
			done++
			if result.err != nil {
				f.Cut = cmp.Or(f.Cut, result.err)
			}
			if result.err != nil && !errors.Is(result.err, quota.ErrSpent) {
				f.cancel() // no more windows; the results of those under way are good
			}
			f.Failures = append(f.Failures, result.failures...)
			f.Erased = f.Erased.Union(result.erased)
			f.Unknown.Merge(&result.unknown)
			for _, entry := range result.entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// window downloads the messages of one window. If it fails, the messages that came until then are
// in the result. next is the window that the worker fetches after this one, if it has taken one.
func (f *Fetcher) window(
	ctx context.Context, session *source.Session, writer *ingest.MessageWriter, uids mail.UIDSet,
) (r result, next *job) {
	l := &listing{session: session, dropped: make(map[mail.UID]int)}
	if err := l.list(ctx, uids); err != nil {
		return result{err: err}, nil
	}
	messages := l.messages
	matched, erased, err := f.Match(ctx, session, messages)
	if err != nil {
		return result{err: err}, nil
	}
	d := NewDownloader(f.Shared, session, writer)
	d.UseRecovered, d.Erased = f.UseRecovered, erased
	if next = f.queue.takeAhead(ctx); next != nil {
		d.Next = span(next.uids)
	}
	err = d.Fetch(ctx, without(messages, matched, erased))
	r = result{failures: slices.Concat(l.failures, d.Failures), erased: d.Erased, err: err}
	r.entries = make([]manifest.Entry, 0, len(matched)+len(d.Got))
	for _, message := range messages {
		entry, ok := matched[message.UID]
		if stored, got := d.Got[message.UID]; !ok && got {
			entry, ok = Entry(message, stored), true
		}
		if ok {
			r.entries = append(r.entries, entry)
			r.unknown.Add(message)
		}
	}
	return r, next
}

// without returns the messages that have no entry yet, and are not left out.
func without(messages []mail.Message, entries map[mail.UID]manifest.Entry, erased mail.UIDSet) (left []mail.Message) {
	for _, message := range messages {
		if _, ok := entries[message.UID]; !ok && !erased.Contains(message.UID) {
			left = append(left, message)
		}
	}
	return left
}

// Entry joins the attributes of a message with what was stored of its body to the manifest's entry.
func Entry(message mail.Message, stored ingest.Stored) manifest.Entry {
	entry := manifest.Entry{
		Record: manifest.Record{
			UID:      message.UID,
			Size:     stored.Size,
			Hash:     stored.Hash,
			Internal: message.Internal,
			Saved:    message.Saved,
			IDs:      message.IDs,
			Parts:    stored.Parts,
			List:     stored.List,
			Probe:    stored.Probe,
			Opening:  stored.Opening,
		},
		FlagSet: manifest.FlagSet{Flags: message.Flags, Labels: message.Labels},
	}
	if message.Size >= 0 && message.Size != stored.Size {
		entry.Hint = message.Size
	}
	entry.SetForm(message.Form)
	clip(&entry.Record)
	return entry
}

// clip drops server data that exceeds what a manifest can hold. Ids are only hints, and a date that
// long is unreadable.
func clip(r *manifest.Record) {
	for _, id := range []*string{&r.IDs.Email, &r.IDs.Thread, &r.IDs.XGUID, &r.IDs.GMMsg, &r.IDs.GMThread} {
		if len(*id) > manifest.MaxServerID {
			*id = ""
		}
	}
	for _, date := range []*mail.Date{&r.Internal, &r.Saved} {
		date.Raw = date.Raw[:min(len(date.Raw), manifest.MaxServerID)]
	}
}
