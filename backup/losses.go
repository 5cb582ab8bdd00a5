package backup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// addLosses compares the manifest with the last one that was not a checkpoint, and adds the losses to its alarms and
// warnings.
func (w *walk) addLosses(ctx context.Context, m *manifest.Manifest) error {
	before, most := w.before, w.mostLost()
	if w.basis != w.parent && (w.basis == nil || w.parent == nil || w.basis.ID != w.parent.ID) {
		var err error
		if before, err = w.mailboxes(ctx, w.basis); err != nil {
			return err
		}
		most = -1
	}
	catalog := archive.Catalog(ctx, w.repo, w.reader)
	catalog.Load = w.loadWritten(ctx, catalog.Load)
	comparison := loss.Comparison{Before: byRaw(before), Now: byRaw(w.recorded), Most: most, Catalog: catalog}
	if limits := w.limits(); limits != nil {
		comparison.Limit = limits(w.account.Name)
	}
	var unread error
	comparison.Erased = func(hash chunk.ID) bool {
		var erasures *repo.Erasures
		if unread == nil { // only where pages are compared: on most nights, none is
			erasures, unread = w.run.Erasures(ctx)
		}
		return erasures.Message(hash)
	}
	losses, err := comparison.Find()
	if err == nil {
		err = unread
	}
	if err != nil {
		return fmt.Errorf("compare with the manifest before: %w", err)
	}
	m.Alarm = append(m.Alarm, w.whereElse(losses.Alarms)...)
	for _, remark := range w.whereElse(losses.Remarks) {
		m.AddWarning(remark)
	}
	return nil
}

// loadWritten makes the pages of this run durable before the first chunk is read, because they may be read too.
func (w *walk) loadWritten(ctx context.Context, load func(chunk.ID) ([]byte, error)) func(chunk.ID) ([]byte, error) {
	flush := sync.OnceValue(func() error { return w.writer.Flush(ctx) })
	return func(id chunk.ID) ([]byte, error) {
		if err := flush(); err != nil {
			return nil, err
		}
		return load(id)
	}
}

// byRaw returns the mailboxes in the order of their raw names.
func byRaw(mailboxes map[string]*manifest.Mailbox) []*manifest.Mailbox {
	list := make([]*manifest.Mailbox, 0, len(mailboxes))
	for _, raw := range slices.Sorted(maps.Keys(mailboxes)) {
		list = append(list, mailboxes[raw])
	}
	return list
}

// mostLost is the largest number of recorded messages that can be gone: all but those that are in their places.
func (w *walk) mostLost() (most int64) {
	for _, m := range w.before {
		most += m.Messages
	}
	for raw, kept := range w.kept {
		if m := w.recorded[raw]; m != nil {
			most -= min(kept, m.Messages)
		}
	}
	return max(0, most)
}

// keep notes how many messages of the parent are still in a mailbox. A mailbox that is read again in a later round counts as
// keeping none.
func (w *walk) keep(raw string, messages int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round > 0 {
		messages = 0
	}
	w.kept[raw] = messages
}
