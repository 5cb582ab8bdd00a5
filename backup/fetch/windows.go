package fetch

import (
	"context"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// queue hands out windows in order. Results are read in that order, too.
type queue struct {
	windows []mail.UIDSet
	results chan chan result // one for each window that was handed out
	room    chan struct{}    // holds one for each of these that is not being read yet: it bounds how far downloads run ahead
	ended   chan struct{}    // closed once no more windows are handed out
	due     func() bool      // reports whether to hand out no more

	mu      sync.Mutex
	next    int // windows handed out
	workers int // that take windows
}

// job is a window to download, and where to send its result.
type job struct {
	uids mail.UIDSet
	out  chan result
}

func newQueue(windows []mail.UIDSet, workers int, due func() bool) *queue {
	return &queue{
		windows: windows, results: make(chan chan result, len(windows)), room: make(chan struct{}, 2*workers),
		ended: make(chan struct{}), due: due,
	}
}

// hasEnded reports whether no more windows are handed out.
func (q *queue) hasEnded() bool {
	select {
	case <-q.ended:
		return true
	default:
		return false
	}
}

// idle is how long a worker without work keeps its connection, which others may need.
const idle = 50 * time.Millisecond

// take waits for the next window, and returns nil if there is none. If that takes long, it gives up
// the connection.
func (q *queue) take(ctx context.Context, session *source.Session) *job {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case q.room <- struct{}{}:
			return q.handOut(ctx, 0)
		case <-q.ended:
			return nil
		case <-ctx.Done():
			q.end()
			return nil
		case <-timer.C:
			session.Release()
		}
	}
}

// takeNow returns the next window if there is room for its result, and so many others are left for
// other workers.
func (q *queue) takeNow(ctx context.Context, others int) *job {
	select {
	case q.room <- struct{}{}:
		return q.handOut(ctx, others)
	default:
		return nil
	}
}

// handOut hands out the next window. The caller has made room for its result. After the last one,
// and if a checkpoint is due, no more are handed out.
func (q *queue) handOut(ctx context.Context, others int) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := len(q.windows) - q.next
	switch {
	case q.hasEnded():
	case left == 0 || ctx.Err() != nil || q.due():
		q.endLocked()
	case left > others:
		j := &job{q.windows[q.next], make(chan result, 1)}
		q.results <- j.out
		if q.next++; left == 1 {
			q.endLocked()
		}
		return j
	}
	<-q.room
	return nil
}

// end ends the handing out of windows.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endLocked()
}

func (q *queue) endLocked() {
	if !q.hasEnded() {
		close(q.ended)
		close(q.results)
	}
}

// join adds to the number of workers.
func (q *queue) join(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.workers += n
}

// takeAhead returns the window that a worker fetches after the current one, so that it is listed
// together with the bodies of the current one. If not every other worker would be left one,
// takeAhead returns nil.
func (q *queue) takeAhead(ctx context.Context) *job {
	q.mu.Lock()
	others := q.workers - 1
	q.mu.Unlock()
	return q.takeNow(ctx, others)
}

const (
	// WindowMessages is how many messages are downloaded as one piece of work: enough that round
	// trips do not matter, few enough that several connections share a mailbox and that results
	// waiting for their turn stay small.
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

// First returns the range that a Fetcher lists first.
func First(uids mail.UIDSet) mail.UIDRange {
	if list := windows(uids); len(list) > 0 {
		return span(list[0])
	}
	return mail.UIDRange{}
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
