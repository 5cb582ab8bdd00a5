package diff

import (
	"context"
	"iter"
	"sort"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Kind is what became of a message.
type Kind uint8

const (
	Removed Kind = iota
	MovedOut
	Added
	MovedIn
	Reflagged
)

func (k Kind) String() string {
	return [...]string{"removed", "moved-out", "added", "moved-in", "reflagged"}[k]
}

// Change is what became of one message of a mailbox. One that was moved is two changes, one in each mailbox.
type Change struct {
	Kind     Kind
	Contents *archive.Contents // that the message is in: the older for what left, else the newer
	Entry    *manifest.Entry   // as it is, or was when it left
	Was      *manifest.FlagSet // of a message that is reflagged: its flags before

	// Of a message that was moved: where it is now, or where it was before.
	Peer    *manifest.Mailbox
	PeerUID mail.UID
}

// Changes yields what became of a mailbox's messages: first those that left, then those that came, then those with other
// flags, each ascending by UID. The records are read from their pages again. An error is about one page, as with Entries.
func (d *Difference) Changes(ctx context.Context, m *MailboxDifference) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		_ = d.yieldDeparted(ctx, m, yield) && d.yieldArrived(ctx, m, yield) && d.yieldReflagged(ctx, m, yield)
	}
}

// yieldDeparted yields the messages that left the mailbox.
func (d *Difference) yieldDeparted(ctx context.Context, m *MailboxDifference, yield func(*Change, error) bool) bool {
	rows := d.departed[m.leaving.from:m.leaving.to]
	for entry, err := range d.Before.EntriesAt(ctx, m.Before, uidsOf(rows)) {
		change := &Change{Kind: Removed, Contents: d.Before, Entry: entry}
		if err == nil {
			if peer := rowOf(rows, entry.UID).peer; peer != 0 {
				there := d.arrived[peer-1]
				change.Kind, change.Peer, change.PeerUID = MovedOut, d.Mailboxes[there.box].After, there.uid
			}
		}
		if !yieldChange(yield, change, err) {
			return false
		}
	}
	return true
}

// yieldArrived yields the messages that came into the mailbox.
func (d *Difference) yieldArrived(ctx context.Context, m *MailboxDifference, yield func(*Change, error) bool) bool {
	rows := d.arrived[m.arriving.from:m.arriving.to]
	for entry, err := range d.After.EntriesAt(ctx, m.After, uidsOf(rows)) {
		change := &Change{Kind: Added, Contents: d.After, Entry: entry}
		if err == nil {
			if peer := rowOf(rows, entry.UID).peer; peer != 0 {
				there := d.departed[peer-1]
				change.Kind, change.Peer, change.PeerUID = MovedIn, d.Mailboxes[there.box].Before, there.uid
			}
		}
		if !yieldChange(yield, change, err) {
			return false
		}
	}
	return true
}

func (d *Difference) yieldReflagged(ctx context.Context, m *MailboxDifference, yield func(*Change, error) bool) bool {
	var uids mail.UIDSet
	for _, row := range m.reflags {
		uids.Add(row.uid)
	}
	for entry, err := range d.After.EntriesAt(ctx, m.After, uids) {
		change := &Change{Kind: Reflagged, Contents: d.After, Entry: entry}
		if err == nil {
			at := sort.Search(len(m.reflags), func(i int) bool { return m.reflags[i].uid >= entry.UID })
			change.Was = &d.sets[m.reflags[at].was]
		}
		if !yieldChange(yield, change, err) {
			return false
		}
	}
	return true
}

func yieldChange(yield func(*Change, error) bool, change *Change, err error) bool {
	if err != nil {
		return yield(nil, err)
	}
	return yield(change, nil)
}

func uidsOf(rows []diffRow) mail.UIDSet {
	var uids mail.UIDSet
	for _, row := range rows {
		uids.Add(row.uid)
	}
	return uids
}

// rowOf is the row of a UID that is there.
func rowOf(rows []diffRow, uid mail.UID) diffRow {
	return rows[sort.Search(len(rows), func(i int) bool { return rows[i].uid >= uid })]
}
