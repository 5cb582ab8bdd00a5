package backup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// addLosses compares the manifest with the last complete one, and adds the losses to its alarms and warnings.
func (a *accountRun) addLosses(ctx context.Context, m *manifest.Manifest) error {
	before, most := a.record.before, a.record.maxLost()
	if a.lastComplete != a.parent && (a.lastComplete == nil || a.parent == nil || a.lastComplete.ID != a.parent.ID) {
		var err error
		if before, err = a.mailboxes(ctx, a.lastComplete); err != nil {
			return err
		}
		most = -1
	}
	catalog := archive.Catalog(ctx, a.repo, a.catalog.reader)
	catalog.Load = a.flushedLoad(ctx, catalog.Load)
	comparison := loss.Comparison{Before: sorted(before), Now: sorted(a.record.recorded), Most: most, Catalog: catalog}
	if limits := a.lossLimits(); limits != nil {
		comparison.Limit = limits(a.Name)
	}
	var unread error
	comparison.Erased = func(hash chunk.ID) bool {
		var erasures *statement.Erasures
		if unread == nil { // needed only where pages are compared, which is rare
			erasures, unread = a.run.Erasures(ctx)
		}
		return erasures.Message(hash)
	}
	losses, err := comparison.Find()
	if err == nil {
		err = unread
	}
	if err != nil {
		return fmt.Errorf("compare with the last manifest: %w", err)
	}
	m.Alarm = append(m.Alarm, a.record.mentionOutside(losses.Alarms)...)
	for _, remark := range a.record.mentionOutside(losses.Remarks) {
		m.AddWarning(remark)
	}
	return nil
}

// flushedLoad makes the pages of this run durable before the first chunk is loaded, because pages of this run may be
// loaded too.
func (a *accountRun) flushedLoad(ctx context.Context, load compare.Load) compare.Load {
	flush := sync.OnceValue(func() error { return a.catalog.writer.Flush(ctx) })
	return func(id chunk.ID) ([]byte, error) {
		if err := flush(); err != nil {
			return nil, err
		}
		return load(id)
	}
}

// sorted returns the mailboxes in the order of their raw names.
func sorted(mailboxes map[string]*manifest.Mailbox) []*manifest.Mailbox {
	list := make([]*manifest.Mailbox, 0, len(mailboxes))
	for _, raw := range slices.Sorted(maps.Keys(mailboxes)) {
		list = append(list, mailboxes[raw])
	}
	return list
}
