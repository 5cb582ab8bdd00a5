package backup

import (
	"context"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
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
	m.Downloaded = w.allowance.unwritten()
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
	return m, m.SetMailboxes(mailboxes, w.put(ctx))
}

// tellLosses compares with the last manifest that was no checkpoint, and says what is gone since.
func (w *walk) tellLosses(ctx context.Context, m *manifest.Manifest) error {
	before := w.before
	if w.basis != w.parent && (w.basis == nil || w.parent == nil || w.basis.ID != w.parent.ID) {
		var err error
		if before, err = w.mailboxes(ctx, w.basis); err != nil {
			return err
		}
	}
	alarms, warnings := newLosses(before, w.recorded, w.account.ShrinkLimit).tell()
	m.Alarm = append(m.Alarm, alarms...)
	for _, warning := range warnings {
		m.AddWarning(warning)
	}
	return nil
}

// newcomers are the identities of mailboxes that were not there before, under their names.
func newcomers(before, now map[string]*manifest.Mailbox) map[mail.Status]bool {
	moved := make(map[mail.Status]bool)
	for raw, m := range now {
		if _, known := before[raw]; !known && m.Status != nil {
			moved[identity(m)] = true
		}
	}
	return moved
}

// identity is what a mailbox keeps when it is renamed.
func identity(m *manifest.Mailbox) mail.Status {
	if m.Status == nil {
		return mail.Status{}
	}
	return mail.Status{UIDValidity: m.Status.UIDValidity, UIDNext: m.Status.UIDNext, Messages: m.Status.Messages, MailboxID: m.Status.MailboxID}
}
