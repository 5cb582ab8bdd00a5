package diff

import (
	"context"
	"iter"
	"sort"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Kind says what happened to a message.
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

// Change is what happened to one message of a mailbox. A move is two changes, one in each mailbox.
type Change struct {
	Kind     Kind
	Contents *archive.Contents // the manifest that the message is in: the older one if it left, else the newer one
	Entry    *manifest.Entry   // as it is, or was before it left
	Was      *manifest.FlagSet // flags before, if it is Reflagged

	// Where a moved message is now, or was before.
	Peer    *manifest.Mailbox
	PeerUID mail.UID
}

// Changes yields what happened to the messages of a mailbox: those that left, then those that
// arrived, then those with other flags, each ascending by UID. It reads the records again. An error
// is about one page, as with Contents.Entries.
func (d *Difference) Changes(ctx context.Context, m *MailboxDifference) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		_ = d.yieldDeparted(ctx, m, yield) && d.yieldArrived(ctx, m, yield) && d.yieldReflagged(ctx, m, yield)
	}
}

// yieldDeparted yields the messages that left a mailbox.
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

// yieldArrived yields the messages that arrived in a mailbox.
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

// rowOf returns the row of a UID, which must have one.
func rowOf(rows []diffRow, uid mail.UID) diffRow {
	return rows[sort.Search(len(rows), func(i int) bool { return rows[i].uid >= uid })]
}
