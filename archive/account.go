package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/manifest"
)

// fill writes what the walk found into the manifest: mailboxes, failures, warnings, totals.
func (w *walk) fill(ctx context.Context, m *manifest.Manifest) error {
	mailboxes := make([]manifest.Mailbox, 0, len(w.recorded))
	for _, raw := range slices.Sorted(maps.Keys(w.recorded)) {
		mailboxes = append(mailboxes, *w.recorded[raw])
		for _, failure := range w.failures[raw] {
			m.AddFailure(failure)
		}
	}
	m.Totals.NewMessages, m.Totals.NewBytes = w.fresh.messages, w.fresh.bytes
	for _, warning := range w.warnings {
		m.AddWarning(warning)
	}
	m.Alarm = shrinkage(w.before, w.recorded)
	return m.SetMailboxes(mailboxes, w.put(ctx))
}

const (
	// shrinkShare and shrinkLeast say what is suspicious: a mailbox, or an account, that lost a fifth of its messages
	// since the last manifest, and fifty at the least. People delete mail; servers that lost theirs look the same.
	shrinkShare = 0.20
	shrinkLeast = 50
)

// shrinkage names what lost suspiciously many messages.
func shrinkage(before, now map[string]*manifest.Mailbox) []string {
	var alarm []string
	var had, has int64
	for _, raw := range slices.Sorted(maps.Keys(before)) {
		old, left := before[raw], int64(0)
		if m, ok := now[raw]; ok {
			left = m.Messages
		}
		had += old.Messages
		if suspicious(old.Messages, left) {
			alarm = append(alarm, fmt.Sprintf("mailbox %q: %d messages before, %d now", old.Name, old.Messages, left))
		}
	}
	for _, m := range now {
		has += m.Messages
	}
	if suspicious(had, has) {
		alarm = append(alarm, fmt.Sprintf("the account as a whole: %d messages before, %d now", had, has))
	}
	return alarm
}

func suspicious(before, now int64) bool {
	lost := before - now
	return lost >= shrinkLeast && float64(lost) >= shrinkShare*float64(before)
}
