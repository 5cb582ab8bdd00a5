package backup

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

const (
	// windowMessages is how many messages are downloaded as one piece of work: enough that round trips do not matter,
	// few enough that several connections share a mailbox and that what waits for its turn stays small.
	windowMessages = 500

	// windowGap is the number of unwanted UIDs between two wanted ones that is worth a new window.
	windowGap = 2000
)

// windows divides a set of UIDs into pieces of work, ascending.
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
				current, room = mail.UIDSet{}, windowMessages
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

// span is the range that encloses a set.
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

// harvest is the downloading of a mailbox's fresh messages by several connections at once. Entries come out in the
// order of their UIDs.
type harvest struct {
	reading  *reading
	failures []manifest.Failure // complete when entries has ended
	cut      error              // why entries ended before its time; errDue, or what went wrong
	rest     mail.UIDSet        // what it did not come to
	erased   mail.UIDSet        // messages that are left out, because they were erased from the repository

	list   []mail.UIDSet
	turns  chan chan crop // the windows' crops, in their order; its room bounds how far downloads run ahead
	jobs   chan job
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// job is a window to be downloaded, and where its crop goes.
type job struct {
	uids mail.UIDSet
	out  chan crop
}

// crop is what a window gave.
type crop struct {
	entries  []manifest.Entry
	failures []manifest.Failure
	erased   mail.UIDSet
	err      error // why that is not all
}

// harvest begins to download the fresh messages. Its first connection is the reading's own; others join while they are
// free.
func (r *reading) harvest(ctx context.Context, own *source.Session, found *manifest.Mailbox, c *compare.Change) (*harvest, error) {
	if err := r.walk.heed(ctx); err != nil {
		return nil, err
	}
	fresh := c.Fresh
	if !c.Narrowed {
		var err error
		if fresh, err = compare.Existing(ctx, own, found.Status.Messages, fresh); err != nil {
			return nil, err
		}
	}
	list := windows(fresh)
	helpers := min(r.walk.account.Source.Parallel(), len(list)) - 1
	ctx, cancel := context.WithCancel(ctx)
	h := &harvest{reading: r, list: list, turns: make(chan chan crop, 2*max(1, helpers+1)), jobs: make(chan job), cancel: cancel}
	r.walk.checkpoints.begin()
	h.work.Go(func() { h.hand(ctx) })
	h.work.Go(func() { h.labour(ctx, own) })
	for range helpers {
		h.work.Go(func() {
			session := own.Another()
			defer func() { session.Release() }()
			// Only with a place on the server it takes work: a window taken must not wait for a connection.
			if _, err := session.Open(ctx); err == nil {
				h.labour(ctx, session)
			}
		})
	}
	return h, nil
}

// hand gives out the windows in order, until a checkpoint is due.
func (h *harvest) hand(ctx context.Context) {
	defer close(h.jobs)
	defer close(h.turns)
	for _, uids := range h.list {
		if h.reading.walk.checkpoints.due() || h.reading.walk.allowance.spent() {
			return
		}
		out := make(chan crop, 1)
		select {
		case h.turns <- out:
		case <-ctx.Done():
			return
		}
		select {
		case h.jobs <- job{uids, out}:
		case <-ctx.Done():
			out <- crop{err: context.Cause(ctx)}
			return
		}
	}
}

// idle is how long a worker without work keeps its connection: others may have work and no connection.
const idle = 50 * time.Millisecond

// labour downloads windows from one session until there are no more.
func (h *harvest) labour(ctx context.Context, session *source.Session) {
	filer := archive.NewFiler(h.reading.walk.repo, h.reading.walk.writer, h.reading.walk.spill)
	defer filer.Close()
	for {
		job, ok := h.next(session)
		if !ok {
			session.Release() // also the reading's own: a window under way may want for a connection
			return
		}
		job.out <- h.window(ctx, session, filer, job.uids)
	}
}

// next waits for a window, and if that takes long, without a connection.
func (h *harvest) next(session *source.Session) (j job, ok bool) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case j, ok = <-h.jobs:
		return j, ok
	case <-timer.C:
		session.Release()
	}
	j, ok = <-h.jobs
	return j, ok
}

// stop ends the downloads, whether they are done or not.
func (h *harvest) stop() {
	h.cancel()
	h.work.Wait()
	h.reading.walk.checkpoints.end()
}

// entries yields the entries of the messages that could be had, ascending by UID. Whatever goes wrong on the way cuts it
// short and is no error of its own: what was yielded is good.
func (h *harvest) entries(ctx context.Context) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		done := 0
		defer func() {
			for _, uids := range h.list[done:] {
				for r := range uids.Ranges() {
					h.rest.AddRange(r)
				}
			}
			if h.cut == nil && done < len(h.list) {
				h.cut = cmp.Or(context.Cause(ctx), h.reading.walk.allowance.end(), errDue)
			}
		}()
		for out := range h.turns {
			crop := <-out
			done++
			if crop.err != nil {
				h.cut = cmp.Or(h.cut, crop.err)
			}
			if crop.err != nil && !errors.Is(crop.err, errSpent) {
				h.cancel() // no more windows; what those under way have is good
			}
			h.failures = append(h.failures, crop.failures...)
			h.erased = h.erased.Union(crop.erased)
			for _, entry := range crop.entries {
				h.reading.count(entry)
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// window downloads one window's messages. What came until something went wrong is good.
func (h *harvest) window(ctx context.Context, session *source.Session, filer *archive.Filer, uids mail.UIDSet) crop {
	l := &listing{session: session, dropped: make(map[mail.UID]int)}
	if err := l.list(ctx, uids); err != nil {
		return crop{err: err}
	}
	messages := l.messages
	byID, err := h.reading.match(ctx, session, messages)
	if err != nil {
		return crop{err: err}
	}
	d := newDownload(h.reading.walk, session, filer)
	if h.reading.anew {
		d.spilt = nil
	}
	if err := h.reading.walk.leaveOut(ctx, byID, d); err != nil {
		return crop{err: err}
	}
	err = d.fetch(ctx, without(messages, byID, d.erased))
	entries := make([]manifest.Entry, 0, len(byID)+len(d.got))
	for _, message := range messages {
		if entry, ok := byID[message.UID]; ok {
			entries = append(entries, entry)
		} else if filed, ok := d.got[message.UID]; ok {
			entries = append(entries, record(message, filed))
		}
	}
	return crop{entries: entries, failures: slices.Concat(l.failures, d.failures), erased: d.erased, err: err}
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

// record is the manifest's entry of a message.
func record(message mail.Message, filed archive.Filed) manifest.Entry {
	entry := manifest.Entry{
		Record: manifest.Record{
			UID:      message.UID,
			Size:     filed.Size,
			Hash:     filed.Hash,
			Internal: message.Internal,
			Saved:    message.Saved,
			IDs:      message.IDs,
			Parts:    filed.Parts,
			List:     filed.List,
			Probe:    filed.Probe,
			Opening:  filed.Opening,
		},
		FlagSet: manifest.FlagSet{Flags: message.Flags, Labels: message.Labels},
	}
	if message.Size >= 0 && message.Size != filed.Size {
		entry.Hint = message.Size
	}
	clip(&entry.Record)
	return entry
}

// clip drops what of a server's words no manifest has room for, and no server in its senses says: ids are hints, and of
// a date that long nothing can be read anyway.
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

// match returns the entries of messages that are archived already, by UID.
func (r *reading) match(ctx context.Context, session *source.Session, messages []mail.Message) (map[mail.UID]manifest.Entry, error) {
	if r.anew {
		return nil, nil
	}
	matcher := moves.Matcher{Index: r.walk.moves, Repo: r.walk.repo, Former: r.former, Doubted: r.doubted, Unproven: r.unproven}
	matched, err := matcher.Match(ctx, session, messages)
	if err != nil {
		return nil, err
	}
	entries := make(map[mail.UID]manifest.Entry, len(matched))
	for _, message := range messages {
		if content, ok := matched[message.UID]; ok {
			entry := record(message, content)
			entry.ByID = true
			entries[message.UID] = entry
			r.walk.advanceByID()
		}
	}
	return entries, nil
}
