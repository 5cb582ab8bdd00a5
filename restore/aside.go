package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/mail"
)

// A target may refuse everything: the account has no room, or the login may only read. Then a
// restore would write all mail as files, one refusal after the other. So a mailbox that the target
// refuses is put aside while the target has taken nothing. If it takes another mailbox, those that
// are aside follow at the end, and their messages are kept as files. If it takes nothing at all,
// the restore ends with RefusedError.

const (
	// firstMessages is how many messages a mailbox adds before it adds more, while the target has
	// taken nothing. Fewer refusals than that do not end a restore.
	firstMessages = 10

	// enoughRefusals is how many messages of a mailbox are refused, for one reason, before it is
	// put aside. The oldest messages may be odd in the same way, such as drafts without a date.
	enoughRefusals = 100
)

// RefusedError means that the target refuses all mailboxes, and that nothing was restored.
type RefusedError struct {
	Mailbox   string // the largest one
	Mailboxes int    // that have messages to restore
	Err       error  // why the target refuses that mailbox
}

func (e *RefusedError) Error() string {
	if e.Mailboxes == 1 {
		return fmt.Sprintf("the target refuses mailbox %q, and nothing was restored: %v", e.Mailbox, e.Err)
	}
	return fmt.Sprintf("the target refuses all %d mailboxes, and nothing was restored: mailbox %q: %v",
		e.Mailboxes, e.Mailbox, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// aside are the mailboxes that are put aside.
type aside struct {
	mu    sync.Mutex
	list  []*mailboxJob
	ended bool // no others are put aside: their turn has come
}

// put puts a mailbox aside.
func (a *aside) put(m *mailboxJob, reason error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.aside = reason
	a.list = append(a.list, m)
}

// take returns some of the mailboxes that are aside, and no longer has them.
func (a *aside) take() []*mailboxJob {
	n := min(len(a.list), maxJobFolders)
	some := a.list[:n:n]
	a.list = a.list[n:]
	return some
}

// close closes the folders of the mailboxes that are aside.
func (a *aside) close() (err error) {
	for some := a.take(); len(some) > 0; some = a.take() {
		for _, m := range some {
			err = errors.Join(err, m.finish())
		}
	}
	return err
}

// tookNothing reports whether the target has taken no message, has none of them already, and may
// refuse all.
func (r *restorer) tookNothing() bool {
	if r.aside.ended {
		return false
	}
	r.reporter.mu.Lock()
	defer r.reporter.mu.Unlock()
	return r.reporter.report.Added == 0 && r.reporter.report.Present == 0
}

// putAsideClosed puts a mailbox aside that the target does not open.
func (m *mailboxJob) putAsideClosed(context.Context) error {
	if closed, ok := m.folder.(noFolder); ok && !m.lost && m.lacks > 0 && m.restorer.tookNothing() {
		m.restorer.aside.put(m, closed.reason)
	}
	return nil
}

// putAsideIf puts a mailbox aside if the target refused enough of its first messages, and no other,
// for the same reason. It reports whether the results are not to be recorded, because the messages
// are sent again at the end.
func (m *mailboxJob) putAsideIf(items []*item, results []AppendResult) bool {
	if m.lost || m.added > 0 || len(results) != len(items) || len(items) == 0 || !m.restorer.tookNothing() {
		return false
	}
	first := cmp.Or(m.refusal, results[0].Refused)
	for i, result := range results {
		if items[i].unread != nil || !errors.Is(result.Refused, mail.ErrRefused) ||
			!sameRefusal(result.Refused, first) {
			return false
		}
	}
	m.refusal = first
	if m.postponed += len(items); m.refusedFirst() {
		m.restorer.aside.put(m, first)
	}
	return true
}

// refusedFirst reports whether the target refused enough of the first messages.
func (m *mailboxJob) refusedFirst() bool { return m.postponed >= min(enoughRefusals, m.lacks) }

// putAsidePostponed puts a mailbox aside if messages of it were refused at first, and then the
// target took others.
func (m *mailboxJob) putAsidePostponed(context.Context) error {
	if m.postponed > 0 && m.aside == nil {
		m.restorer.aside.put(m, m.refusal)
	}
	return nil
}

// sameRefusal reports whether two refusals differ in numbers alone: some servers say how long an
// answer took.
func sameRefusal(a, b error) bool {
	words := func(err error) string {
		return strings.Map(func(c rune) rune {
			if '0' <= c && c <= '9' {
				return -1
			}
			return c
		}, err.Error())
	}
	return words(a) == words(b)
}

// allAside reports whether all mailboxes of the job that lack messages are aside.
func (j *job) allAside() bool {
	return !slices.ContainsFunc(j.mailboxes, func(m *mailboxJob) bool { return m.aside == nil && m.lacks > 0 })
}

// dropAside takes the mailboxes that are aside out of the job.
func (j *job) dropAside() {
	j.mailboxes = slices.DeleteFunc(j.mailboxes, func(m *mailboxJob) bool {
		if m.aside != nil {
			m.list.loaded = nil // they are large, and read again
		}
		return m.aside != nil
	})
}

// restoreAside restores the mailboxes that are aside. It returns RefusedError if the target took
// nothing.
func (r *restorer) restoreAside(ctx context.Context) error {
	if err := r.refusedAll(); err != nil {
		return err
	}
	r.aside.ended = true
	for some := r.aside.take(); len(some) > 0; some = r.aside.take() {
		for _, m := range some {
			m.aside, m.postponed = nil, 0
		}
		if err := (&job{restorer: r, mailboxes: some}).execute(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refusedAll returns RefusedError if the target took nothing, and refused more than some messages.
func (r *restorer) refusedAll() error {
	if len(r.aside.list) == 0 || !r.tookNothing() {
		return nil
	}
	messages, closed := 0, false
	for _, m := range r.aside.list {
		_, isClosed := m.folder.(noFolder)
		if m.lost || !isClosed && !m.refusedFirst() {
			return nil // what was refused for other reasons is recorded
		}
		closed = closed || isClosed
		messages += m.lacks
	}
	if !closed && messages < firstMessages {
		return nil
	}
	largest := slices.MaxFunc(r.aside.list, func(a, b *mailboxJob) int { return cmp.Compare(a.lacks, b.lacks) })
	return &RefusedError{Mailbox: largest.list.mailbox.Name, Mailboxes: len(r.aside.list), Err: largest.aside}
}
