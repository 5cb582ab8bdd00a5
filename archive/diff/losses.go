package diff

import "github.com/mailstrata/mailstrata/mail"

// Loss has the messages of a mailbox that are not where they were.
type Loss struct {
	Missing   mail.UIDSet // there are fewer copies than before
	Elsewhere mail.UIDSet // moved to another mailbox
	Here      mail.UIDSet // moved to another UID, or to another mailbox that has the name now
	Renamed   bool        // the mailbox was renamed, so all other messages are elsewhere too
}

// Losses returns what left the mailboxes, by the raw names that they had before.
func (d *Difference) Losses() map[string]*Loss {
	losses := make(map[string]*Loss)
	for _, m := range d.Mailboxes {
		if m.Before != nil {
			losses[m.Before.Raw] = d.loss(m)
		}
	}
	return losses
}

func (d *Difference) loss(m *MailboxDifference) *Loss {
	l := &Loss{Renamed: m.Renamed()}
	for _, row := range d.departed[m.leaving.from:m.leaving.to] {
		switch {
		case row.peer == 0:
			l.Missing.Add(row.uid)
		case d.Mailboxes[d.arrived[row.peer-1].box].After.Raw == m.Before.Raw:
			l.Here.Add(row.uid)
		default:
			l.Elsewhere.Add(row.uid)
		}
	}
	return l
}
