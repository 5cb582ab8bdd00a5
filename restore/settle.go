package restore

import (
	"context"
	"errors"
	"fmt"
)

// maxUnsettled and maxUnsettledBytes bound the messages of a folder whose results are pending. What
// is pending when a restore is interrupted is read again by the next one.
const (
	maxUnsettled      = 2000
	maxUnsettledBytes = 32 << 20
)

// await counts a message as added. Its result is pending.
func (m *mailboxJob) await(it *item) {
	m.unsettled = append(m.unsettled, it)
	m.unsettledBytes += it.row.size
	m.added++
	m.restorer.reporter.added(1, it.row.size)
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
