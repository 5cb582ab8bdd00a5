package archive

import (
	"context"
	"fmt"
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
	}
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
	m.Alarm = shrinkage(before, w.recorded)
	for _, warning := range vanished(before, w.recorded) {
		m.AddWarning(warning)
	}
	return nil
}

// vanished names the mailboxes that held a few messages, too few for an alarm, and are not there any more, neither under
// their name nor, as far as the numbers tell, under another one.
func vanished(before, now map[string]*manifest.Mailbox) []string {
	moved := newcomers(before, now)
	apart := readApart(now)
	var gone []string
	for _, raw := range slices.Sorted(maps.Keys(before)) {
		old := before[raw]
		if !apart(old) {
			continue
		}
		if _, there := now[raw]; !there && old.Messages > 0 && !suspicious(old.Messages, 0) && !moved[identity(old)] && !hidden(old, before, now) {
			gone = append(gone, fmt.Sprintf("mailbox %q is gone; messages in it: %d", old.Name, old.Messages))
		}
	}
	return gone
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
	moved := newcomers(before, now)
	apart := readApart(now)
	for _, raw := range slices.Sorted(maps.Keys(before)) {
		old, left := before[raw], int64(0)
		if !apart(old) {
			continue
		}
		if m, ok := now[raw]; ok {
			left = m.Messages
		}
		had += old.Messages
		if suspicious(old.Messages, left) && (left > 0 || !moved[identity(old)] && !hidden(old, before, now)) {
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
