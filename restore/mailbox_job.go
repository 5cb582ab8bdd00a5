package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// mailboxJob adds the missing messages to one folder.
type mailboxJob struct {
	restorer *restorer
	route    *route
	place    Place
	list     *messageList
	folder   Folder // nil: there are no messages to add
	added    int64  // messages
	lacks    int    // messages that the folder did not have
	lost     bool   // the folder was lost while it was open
	aside    error  // why the mailbox is put aside; nil: it is not

	postponed int   // messages that were refused at first, and are sent again at the end
	refusal   error // of these

	unsettled      []*item // added, and their results are pending
	unsettledBytes int64
	unsettledSince time.Time // of the first
}

// open lists the archived messages and asks the folder which of them it lacks.
func (m *mailboxJob) open(ctx context.Context) (err error) {
	if m.list != nil { // it was put aside
		return nil
	}
	if m.list, err = m.restorer.listMessages(ctx, m.route); err != nil || len(m.list.rows) == 0 {
		return err
	}
	m.restorer.reporter.update(func(r *Report) { r.Undeleted += m.list.undeleted })
	if m.folder, err = m.restorer.open(ctx, m.place); err != nil {
		return err
	}
	err = m.list.compare(ctx, m.folder)
	if errors.Is(err, ErrFolderLost) {
		err = cmp.Or(m.lose(err), m.list.lackRest())
	}
	m.lacks = m.list.missing()
	return err
}

// lose gives up a folder that was lost. What is still to be added is refused.
func (m *mailboxJob) lose(reason error) error {
	err := m.folder.Close()
	m.folder, m.lost = noFolder{reason}, true
	m.unsettled = nil
	problem := Problem{Kind: FolderLost, Mailbox: m.list.mailbox.Name, Reason: reason.Error()}
	if m.added > 0 {
		problem.Reason += fmt.Sprintf("; what was added to it before may be gone (messages: %d)", m.added)
	}
	return cmp.Or(err, m.restorer.reporter.add(problem))
}

// finish closes the folder. If there is no error, the added messages are stored.
func (m *mailboxJob) finish() error {
	if m.folder == nil {
		return nil
	}
	return m.folder.Close()
}

// named adds the name of the mailbox to an error.
func (m *mailboxJob) named(err error) error {
	if err != nil {
		err = fmt.Errorf("mailbox %q: %w", m.route.Name, err)
	}
	return err
}

// open opens a folder of the target. A folder that the target refuses to open refuses all messages,
// so that the other mailboxes are restored.
func (r *restorer) open(ctx context.Context, place Place) (Folder, error) {
	if place.Skip {
		return noFolder{cmp.Or(place.Reason, errNoPlace)}, nil
	}
	folder, err := r.Target.Open(ctx, place)
	if errors.Is(err, mail.ErrRefused) || errors.Is(err, mail.ErrNoMailbox) {
		return noFolder{err}, nil
	}
	return folder, err
}

// write adds messages to the folder and records the results. It adds the first ones by themselves
// while the target may refuse all.
func (m *mailboxJob) write(ctx context.Context, items []*item) error {
	if len(items) > firstMessages && m.added == 0 && m.restorer.tookNothing() {
		if err := m.write(ctx, items[:firstMessages]); err != nil {
			return err
		}
		items = items[firstMessages:]
	}
	if m.aside != nil {
		return nil
	}
	wanted := make([]Message, len(items))
	for i, item := range items {
		wanted[i] = item.message()
	}
	results, err := m.folder.Append(ctx, wanted)
	if errors.Is(err, ErrFolderLost) {
		return m.writeLost(ctx, items, results, err)
	}
	if err == nil && m.putAsideIf(items, results) {
		return nil
	}
	for i, result := range results[:min(len(results), len(items))] {
		if err != nil && !result.Added && result.Refused == nil {
			continue // the result is not known
		}
		if result.Pending {
			m.await(items[i])
			continue
		}
		if err := m.record(ctx, items[i], result); err != nil {
			return err
		}
	}
	if err == nil && len(results) != len(items) {
		err = fmt.Errorf("the target returned %d results for %d messages", len(results), len(items))
	}
	if err == nil && (len(m.unsettled) >= maxUnsettled || m.unsettledBytes >= maxUnsettledBytes) {
		err = m.settle(ctx)
	}
	return err
}

// writeLost records the results of adding messages to a folder that was lost meanwhile. A message
// without a result is refused.
func (m *mailboxJob) writeLost(ctx context.Context, items []*item, results []AppendResult, reason error) error {
	for i, item := range items {
		result := AppendResult{Refused: reason}
		if i < len(results) && (results[i].Added || results[i].Refused != nil) {
			result = results[i]
			result.Pending = false
		}
		if err := m.record(ctx, item, result); err != nil {
			return err
		}
	}
	return m.lose(reason)
}

// record records the result of adding a message.
func (m *mailboxJob) record(ctx context.Context, item *item, result AppendResult) error {
	item.row.state = rowDone
	reporter := m.restorer.reporter
	if err := reporter.reportChanges(ctx, m.list.mailbox, item.row.uid, result, item); err != nil {
		return err
	}
	switch {
	case item.unread != nil:
		return m.fail(ctx, item, item.unread)
	case result.Refused != nil:
		return m.refuse(ctx, item, result.Refused)
	case result.Added:
		m.added++
		reporter.added(1, item.row.size)
	default: // the folder had it already
		reporter.present(1, item.row.size)
	}
	return nil
}

// refuse records a message that the target refuses, and keeps it as a file.
func (m *mailboxJob) refuse(ctx context.Context, item *item, reason error) error {
	kept, err := m.restorer.reporter.keep(ctx, m.list.mailbox, item.row.uid, item)
	if item.unread != nil {
		return m.fail(ctx, item, item.unread)
	}
	if err != nil {
		return err
	}
	m.restorer.reporter.skipped(1, item.row.size)
	return m.restorer.reporter.add(Problem{
		Kind:    MessageRefused,
		Mailbox: m.list.mailbox.Name,
		UID:     item.row.uid,
		Reason:  reason.Error(),
		Kept:    kept,
	})
}

// fail records a message that cannot be read.
func (m *mailboxJob) fail(ctx context.Context, item *item, reason error) error {
	item.row.state = rowDone
	m.restorer.reporter.skipped(1, item.row.size)
	return m.restorer.reportDamage(ctx, Problem{Mailbox: m.list.mailbox.Name, UID: item.row.uid}, reason)
}

// errNoPlace is the reason why messages of a mailbox are refused that the target cannot hold.
var errNoPlace = errors.New("the target cannot hold messages of this mailbox")

// noFolder is the folder of a mailbox that the target cannot hold. It refuses all messages.
type noFolder struct{ reason error }

func (noFolder) Missing(_ context.Context, wanted []Message) ([]int, error) {
	all := make([]int, len(wanted))
	for i := range all {
		all[i] = i
	}
	return all, nil
}

func (n noFolder) Append(_ context.Context, messages []Message) ([]AppendResult, error) {
	results := make([]AppendResult, len(messages))
	for i := range results {
		results[i].Refused = n.reason
	}
	return results, nil
}

func (noFolder) BatchSize() (int, int64) { return 0, 0 }
func (noFolder) Close() error            { return nil }
