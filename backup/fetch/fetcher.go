package fetch

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Fetcher downloads messages of one mailbox over several connections. It yields their entries in the order of their
// UIDs.
type Fetcher struct {
	Shared       *Shared
	NewWriter    func() *archive.MessageWriter // called once for each connection
	Due          func() bool                   // reports whether to stop because a checkpoint is due
	UseRecovered bool                          // whether to use Shared.Recovered

	// Match returns the entries of messages that need no download, and the UIDs of messages to leave out.
	Match func(context.Context, *source.Session, []mail.Message) (map[mail.UID]manifest.Entry, mail.UIDSet, error)

	Failures []manifest.Failure // complete when Entries has ended
	Cut      error              // why Entries ended early: ErrDue, quota.ErrSpent or what went wrong
	Rest     mail.UIDSet        // the messages that were not reached
	Erased   mail.UIDSet        // messages that are left out because they were erased from the repository

	windows []mail.UIDSet
	results chan chan result // one for each window, in order; its capacity bounds how far downloads run ahead
	jobs    chan job
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

// ErrDue cuts a Fetcher short, so that its messages can go into a checkpoint.
var ErrDue = errors.New("a checkpoint is due")

// job is a window to download, and where to send its result.
type job struct {
	uids mail.UIDSet
	out  chan result
}

// result is the outcome of a window.
type result struct {
	entries  []manifest.Entry
	failures []manifest.Failure
	erased   mail.UIDSet
	err      error // why messages of the window are missing
}

// Start begins to download messages. The first connection is the session's own; up to parallel-1 others join while
// they are free.
func (f *Fetcher) Start(ctx context.Context, own *source.Session, uids mail.UIDSet, parallel int) {
	f.windows = windows(uids)
	helpers := min(parallel, len(f.windows)) - 1
	ctx, f.cancel = context.WithCancel(ctx)
	f.results, f.jobs = make(chan chan result, 2*max(1, helpers+1)), make(chan job)
	f.work.Go(func() { f.dispatch(ctx) })
	f.work.Go(func() { f.runWorker(ctx, own) })
	for range helpers {
		f.work.Go(func() {
			session := own.Another()
			defer func() { session.Release() }()
			// Open first: a window that has been handed out must not wait for a connection.
			if _, err := session.Open(ctx); err == nil {
				f.runWorker(ctx, session)
			}
		})
	}
}

// dispatch hands out the windows in order, until a checkpoint is due.
func (f *Fetcher) dispatch(ctx context.Context) {
	defer close(f.jobs)
	defer close(f.results)
	for _, uids := range f.windows {
		if f.Due() || f.Shared.Quota.Err() != nil {
			return
		}
		out := make(chan result, 1)
		select {
		case f.results <- out:
		case <-ctx.Done():
			return
		}
		select {
		case f.jobs <- job{uids, out}:
		case <-ctx.Done():
			out <- result{err: context.Cause(ctx)}
			return
		}
	}
}

// idle is how long a worker without work keeps its connection, which others may need.
const idle = 50 * time.Millisecond

// runWorker fetches windows through one session until there are no more.
func (f *Fetcher) runWorker(ctx context.Context, session *source.Session) {
	writer := f.NewWriter()
	defer writer.Close()
	for {
		job, ok := f.next(session)
		if !ok {
			session.Release() // the session passed to Start, too: a window under way may need the connection
			return
		}
		job.out <- f.window(ctx, session, writer, job.uids)
	}
}

// next waits for a window. If that takes long, it gives up the connection.
func (f *Fetcher) next(session *source.Session) (j job, ok bool) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case j, ok = <-f.jobs:
		return j, ok
	case <-timer.C:
		session.Release()
	}
	j, ok = <-f.jobs
	return j, ok
}

// Stop ends the downloads, whether they are complete or not.
func (f *Fetcher) Stop() {
	f.cancel()
	f.work.Wait()
}

// Entries yields the entries of the messages, ascending by UID. An error ends the sequence early and is recorded in
// Cut: the entries yielded until then are good.
func (f *Fetcher) Entries(ctx context.Context) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		done := 0
		defer func() {
			for _, uids := range f.windows[done:] {
				for r := range uids.Ranges() {
					f.Rest.AddRange(r)
				}
			}
			if f.Cut == nil && done < len(f.windows) {
				f.Cut = cmp.Or(context.Cause(ctx), f.Shared.Quota.Err(), ErrDue)
			}
		}()
		for out := range f.results {
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
			for _, entry := range result.entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// window downloads the messages of one window. If it fails, the messages that came until then are in the result.
func (f *Fetcher) window(
	ctx context.Context, session *source.Session, writer *archive.MessageWriter, uids mail.UIDSet,
) result {
	l := &listing{session: session, dropped: make(map[mail.UID]int)}
	if err := l.list(ctx, uids); err != nil {
		return result{err: err}
	}
	messages := l.messages
	matched, erased, err := f.Match(ctx, session, messages)
	if err != nil {
		return result{err: err}
	}
	d := NewDownloader(f.Shared, session, writer)
	d.UseRecovered, d.Erased = f.UseRecovered, erased
	err = d.Fetch(ctx, without(messages, matched, erased))
	entries := make([]manifest.Entry, 0, len(matched)+len(d.Got))
	for _, message := range messages {
		if entry, ok := matched[message.UID]; ok {
			entries = append(entries, entry)
		} else if stored, ok := d.Got[message.UID]; ok {
			entries = append(entries, Entry(message, stored))
		}
	}
	return result{entries: entries, failures: slices.Concat(l.failures, d.Failures), erased: d.Erased, err: err}
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
func Entry(message mail.Message, stored archive.Stored) manifest.Entry {
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
	clip(&entry.Record)
	return entry
}

// clip drops server data that exceeds what a manifest can hold. Ids are only hints, and a date that long is
// unreadable.
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

const (
	// WindowMessages is how many messages are downloaded as one piece of work: enough that round trips do not matter,
	// few enough that several connections share a mailbox and that results waiting for their turn stay small.
	WindowMessages = 500

	// windowGap is how many unwanted UIDs between two wanted ones are worth a new window.
	windowGap = 2000
)

// windows divides UIDs into pieces of work, ascending.
func windows(uids mail.UIDSet) []mail.UIDSet {
	var list []mail.UIDSet
	var current mail.UIDSet
	var room int64
	var last mail.UID
	for r := range uids.Ranges() {
		for first := uint64(r.First); first <= uint64(r.Last); {
			if room == 0 || first > uint64(last)+windowGap {
				if current.Len() > 0 {
					list = append(list, current)
				}
				current, room = mail.UIDSet{}, WindowMessages
			}
			piece := mail.UIDRange{First: mail.UID(first), Last: mail.UID(min(uint64(r.Last), first+uint64(room)-1))}
			current.AddRange(piece)
			room -= piece.Len()
			last = piece.Last
			first = uint64(piece.Last) + 1
		}
	}
	if current.Len() > 0 {
		list = append(list, current)
	}
	return list
}

// span returns the range that encloses a set.
func span(uids mail.UIDSet) mail.UIDRange {
	var all mail.UIDRange
	for r := range uids.Ranges() {
		if all.First == 0 {
			all.First = r.First
		}
		all.Last = r.Last
	}
	return all
}

// halve divides a set of UIDs in the middle.
func halve(uids mail.UIDSet) (first, second mail.UIDSet) {
	half := uids.Len() / 2
	for r := range uids.Ranges() {
		n := min(half-first.Len(), r.Len())
		if n > 0 {
			first.AddRange(mail.UIDRange{First: r.First, Last: r.First + mail.UID(n-1)})
		}
		if n < r.Len() {
			second.AddRange(mail.UIDRange{First: r.First + mail.UID(n), Last: r.Last})
		}
	}
	return first, second
}
