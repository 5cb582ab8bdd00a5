package diff

import (
	"iter"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Row is a message that left a mailbox or arrived in one.
type Row struct {
	Hash    chunk.ID
	UID     mail.UID
	Mailbox *MailboxDifference
	Peer    *MailboxDifference // where a moved message arrived, or left; nil if it was removed or added
}

// Departed yields the messages that left a mailbox, by mailbox, ascending by UID. It reads nothing.
func (d *Difference) Departed() iter.Seq[Row] { return d.rows(d.departed, d.arrived) }

// Arrived yields the messages that arrived in a mailbox, as Departed does.
func (d *Difference) Arrived() iter.Seq[Row] { return d.rows(d.arrived, d.departed) }

func (d *Difference) rows(rows, others []diffRow) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range rows {
			row := Row{Hash: rows[i].hash, UID: rows[i].uid, Mailbox: d.Mailboxes[rows[i].box]}
			if peer := rows[i].peer; peer != 0 {
				row.Peer = d.Mailboxes[others[peer-1].box]
			}
			if !yield(row) {
				return
			}
		}
	}
}
