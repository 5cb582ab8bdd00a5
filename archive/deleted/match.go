package deleted

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// matcher matches messages that left with those that came back.
type matcher struct {
	Options
	use    func(*manifest.Mailbox) string // \Trash, \Junk, \Drafts or ""
	boxes  []box
	events []event
}

// box is a mailbox of a night.
type box struct {
	night   uint32 // of Found.Nights
	mailbox *manifest.Mailbox
	use     string
	wanted  bool
}

// event is what happened to one copy of a message between a night and the next. It takes 44 bytes.
type event struct {
	hash chunk.ID
	uid  mail.UID
	box  uint32 // of matcher.boxes
	kind kind
}

type kind uint8

const (
	left      kind = iota // deleted from the mailbox
	came                  // added
	trashed               // moved from the mailbox to Trash
	untrashed             // moved from Trash
)

// add adds the events between a night and the next. Events are in the order of time.
func (m *matcher) add(night uint32, d *diff.Difference) {
	known := make(map[*manifest.Mailbox]uint32)
	boxOf := func(mailbox *manifest.Mailbox) uint32 {
		at, ok := known[mailbox]
		if !ok {
			at = uint32(len(m.boxes))
			known[mailbox] = at
			m.boxes = append(m.boxes, box{night, mailbox, m.use(mailbox), m.Wants == nil || m.Wants(mailbox)})
		}
		return at
	}
	for row := range d.Departed() {
		e := event{hash: row.Hash, uid: row.UID, box: boxOf(row.Mailbox.Before)}
		from := m.boxes[e.box].use == `\Trash`
		to := row.Peer != nil && m.use(row.Peer.After) == `\Trash`
		switch {
		case row.Peer == nil:
			e.kind = left
		case to && !from:
			e.kind = trashed
		case from && !to:
			e.kind = untrashed
		default:
			continue
		}
		m.events = append(m.events, e)
	}
	for row := range d.Arrived() {
		if row.Peer == nil {
			m.events = append(m.events, event{hash: row.Hash, uid: row.UID, box: boxOf(row.Mailbox.After), kind: came})
		}
	}
}

// match fills in what was deleted.
func (m *matcher) match(ctx context.Context, f *Found) error {
	slices.SortStableFunc(m.events, func(a, b event) int { return a.hash.Compare(b.hash) })
	sets := make([]mail.UIDSet, len(m.boxes))
	add := func(gone []event) {
		for _, e := range gone {
			switch b := &m.boxes[e.box]; {
			case b.use != "" && !m.Emptied:
				f.LeftOut++
			case b.wanted:
				sets[e.box].Add(e.uid)
				f.Count++
			}
		}
	}
	var copied copies
	for from := 0; from < len(m.events); {
		to := from + 1
		for to < len(m.events) && m.events[to].hash == m.events[from].hash {
			to++
		}
		gone, came := m.matchOne(m.events[from:to], f)
		if came = m.elsewhere(gone, came); len(gone) > 0 && len(came) > 0 {
			copied.add(m, gone, came)
		} else {
			add(gone)
		}
		from = to
	}
	if err := copied.find(ctx, f.Nights[len(f.Nights)-1]); err != nil {
		return err
	}
	for _, c := range copied.all {
		add(c.gone)
	}
	for i := range sets {
		if sets[i].Len() > 0 {
			f.Messages = append(f.Messages, Messages{f.Nights[m.boxes[i].night], m.boxes[i].mailbox, sets[i]})
		}
	}
	return nil
}

// matchOne returns the copies of one message that left and did not come back, and those that came
// for none that had left.
func (m *matcher) matchOne(events []event, f *Found) (gone, more []event) {
	var inTrash []event // where they were before
	for _, e := range events {
		switch e.kind {
		case came:
			if len(gone) == 0 {
				more = append(more, e)
				continue
			}
			gone = gone[:len(gone)-1]
		case trashed:
			inTrash = append(inTrash, e)
		case untrashed:
			inTrash = inTrash[:max(0, len(inTrash)-1)]
		case left:
			if last := len(inTrash) - 1; last >= 0 && m.boxes[e.box].use == `\Trash` {
				if m.boxes[inTrash[last].box].wanted {
					e = inTrash[last]
				}
				inTrash = inTrash[:last]
			}
			gone = append(gone, e)
		}
	}
	f.InTrash += int64(len(inTrash))
	return gone, more
}
