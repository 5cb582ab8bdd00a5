package backup

import (
	"context"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/manifest"
)

// manifest writes down what is recorded now.
func (w *walk) manifest(ctx context.Context, state manifest.State) (*manifest.Manifest, error) {
	now, err := w.run.Now(ctx)
	if err != nil {
		return nil, err
	}
	m := &manifest.Manifest{
		Account:  w.account.Name,
		Source:   w.account.URL,
		Program:  w.program,
		Start:    w.run.Start(),
		End:      now,
		Deadline: w.run.Deadline(),
		State:    state,
		Server:   w.server,
		Dangling: w.dangling,
		Alarm:    slices.Sorted(slices.Values(w.alarms)),
	}
	m.Downloaded = w.quota.Unwritten()
	if w.parent != nil {
		m.Parent = w.parent.ID
	}
	mailboxes := make([]manifest.Mailbox, 0, len(w.recorded))
	for _, raw := range slices.Sorted(maps.Keys(w.recorded)) {
		mailboxes = append(mailboxes, *w.recorded[raw])
		for _, failure := range w.failures[raw] {
			m.AddFailure(failure)
		}
	}
	m.Totals.NewMessages, m.Totals.NewBytes = w.fresh.messages, w.fresh.bytes
	m.Totals.TakenMessages, m.Totals.TakenBytes = w.byIDs.messages, w.byIDs.bytes
	for _, warning := range w.warnings {
		m.AddWarning(warning)
	}
	return m, m.SetMailboxes(mailboxes, w.putTable(ctx))
}
