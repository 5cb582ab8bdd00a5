package backup

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// renamedFrom finds, among recorded mailboxes that have vanished, the one that has this name now. MAILBOXID (RFC 8474) is
// proof. Where the server has none, the same UIDVALIDITY, UIDNEXT and number of messages are a hint, and doubtful says
// that what is recorded must be compared with what is there (confirm).
func renamedFrom(listed mail.Mailbox, vanished []*manifest.Mailbox) (old *manifest.Mailbox, doubtful bool) {
	now := listed.Status
	if now == nil {
		return nil, false
	}
	i := slices.IndexFunc(vanished, func(m *manifest.Mailbox) bool {
		was := m.Status
		if was == nil || m.Messages == 0 || was.UIDValidity != now.UIDValidity || was.MailboxID != now.MailboxID {
			return false
		}
		return now.MailboxID != "" || was.UIDNext == now.UIDNext && was.Messages == now.Messages
	})
	if i < 0 {
		return nil, false
	}
	return vanished[i], now.MailboxID == ""
}

// missingFrom gives the recorded mailboxes that a survey does not list any more, in the order of their names.
func missingFrom(survey *mail.Survey, recorded map[string]*manifest.Mailbox) []*manifest.Mailbox {
	listed := make(map[string]bool, len(survey.Mailboxes))
	for _, mailbox := range survey.Mailboxes {
		listed[mailbox.Raw] = true
	}
	var vanished []*manifest.Mailbox
	for raw, mailbox := range recorded {
		if !listed[raw] {
			vanished = append(vanished, mailbox)
		}
	}
	slices.SortFunc(vanished, func(a, b *manifest.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	return vanished
}

// confirm reports whether the messages of a mailbox are those that are recorded of another one: each is there, with the
// same size, date and ids as far as the server tells them. It costs no download.
func (r *reading) confirm(ctx context.Context, seat *seat, old *manifest.Mailbox) (bool, error) {
	next := mail.UID(1)
	same := true
	for entries, err := range stretches(old, r.walk.load(ctx)) {
		if err != nil {
			return false, err
		}
		span := mail.UIDRange{First: next, Last: entries[len(entries)-1].UID}
		next = span.Last + 1
		err := seat.ask(ctx, func(view View) error {
			same = true
			present := make(map[mail.UID]mail.Message, len(entries))
			for message, err := range view.Messages(ctx, span) {
				if err != nil {
					return err
				}
				present[message.UID] = message
			}
			for _, entry := range entries {
				message, ok := present[entry.UID]
				same = same && ok && agrees(message, &entry.Record)
			}
			return nil
		})
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// agrees reports whether what a server tells of a message does not contradict what is recorded.
func agrees(now mail.Message, was *manifest.Record) bool {
	size := was.Size
	if was.Hint > 0 {
		size = was.Hint
	}
	return (now.Size < 0 || now.Size == size) && now.Internal == was.Internal && now.IDs == was.IDs
}
