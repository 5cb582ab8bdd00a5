package restore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxUnsettled, maxUnsettledBytes and maxUnsettledTime bound the messages of a folder whose results
// are pending, and for how long they are. What is pending when a restore is interrupted is read
// again by the next one. What somebody deletes or marks as unread before it is compared seems to be
// refused or altered by the server.
const (
	maxUnsettled      = 2000
	maxUnsettledBytes = 32 << 20
	maxUnsettledTime  = time.Minute
)

// await counts a message as added. Its result is pending.
func (m *mailboxJob) await(it *item) {
	if len(m.unsettled) == 0 {
		m.unsettledSince = time.Now()
	}
	it.row.state = rowDone
	m.unsettled = append(m.unsettled, it)
	m.unsettledBytes += it.row.size
	m.added++
	m.restorer.reporter.added(1, it.row.size)
}

// settleInTime settles if the results are pending for long.
func (m *mailboxJob) settleInTime(ctx context.Context) error {
	if len(m.unsettled) == 0 || time.Since(m.unsettledSince) < maxUnsettledTime {
		return nil
	}
	return m.settle(ctx)
}

// settle records the results that are pending.
func (m *mailboxJob) settle(ctx context.Context) error {
	if len(m.unsettled) == 0 {
		return nil
	}
	items := m.unsettled
	m.unsettled, m.unsettledBytes = nil, 0
	results, err := m.folder.(Settler).Settle(ctx)
	for i, result := range results[:min(len(results), len(items))] {
		if err := m.recordSettled(ctx, items[i], result); err != nil {
			return err
		}
	}
	if errors.Is(err, ErrFolderLost) {
		return m.lose(err)
	}
	if err == nil && len(results) != len(items) {
		err = fmt.Errorf("the target returned %d results for %d messages", len(results), len(items))
	}
	return err
}

// recordSettled records the result of a message that was counted as added.
func (m *mailboxJob) recordSettled(ctx context.Context, it *item, result AppendResult) error {
	if result.Refused == nil {
		return m.restorer.reporter.reportChanges(ctx, m.list.mailbox, it.row.uid, result, it)
	}
	m.added--
	m.restorer.reporter.notAdded(1, it.row.size)
	return m.refuse(ctx, it, result.Refused)
}
