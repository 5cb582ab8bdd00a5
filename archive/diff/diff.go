package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Difference is the result of comparing two manifests.
type Difference struct {
	Before, After *archive.Contents

	// Mailboxes are those that differ, ascending by the raw name that they have now, or had last.
	Mailboxes []*MailboxDifference

	departed, arrived []diffRow          // messages that left or arrived, by mailbox, ascending by UID
	sets              []manifest.FlagSet // flags before, each set once
}

// MailboxDifference is the difference of one mailbox.
type MailboxDifference struct {
	Before, After *manifest.Mailbox // nil if the mailbox did not, or does not, exist
	Renumbered    bool              // UIDVALIDITY differs, so messages are matched by hash, not UID (RFC 9051 section 2.3.1.1)

	Added     int64 // arrived, and left no other mailbox
	Removed   int64 // left, and arrived in no other
	MovedIn   int64 // arrived from another mailbox, or from another UID of this one
	MovedOut  int64
	Reflagged int64 // flags, keywords or labels differ

	// Unread says why the messages could not be compared, such as a damaged page. The numbers are 0
	// then.
	Unread error

	index    uint32 // in Difference.Mailboxes, of the rows
	reflags  []reflagRow
	leaving  rowRange // rows of Difference.gone
	arriving rowRange // rows of Difference.come
}

// diffRow is a message that left a mailbox or arrived in one. It takes 44 bytes, so that a million
// fit in memory.
type diffRow struct {
	hash chunk.ID
	uid  mail.UID
	box  uint32 // index of the MailboxDifference
	peer uint32 // its row on the other side, plus 1; 0 if it was added or removed
}

// reflagRow is a message whose flags changed.
type reflagRow struct {
	uid mail.UID // now
	was uint32   // index in Difference.sets
}

// rowRange is a range of rows.
type rowRange struct{ from, to int }

// Mailbox returns the mailbox as it is now, or was last.
func (m *MailboxDifference) Mailbox() *manifest.Mailbox { return cmp.Or(m.After, m.Before) }

// Created, WasRemoved and Renamed report what happened to the mailbox as a whole.
func (m *MailboxDifference) Created() bool    { return m.Before == nil }
func (m *MailboxDifference) WasRemoved() bool { return m.After == nil }
func (m *MailboxDifference) Renamed() bool {
	return m.Before != nil && m.After != nil && m.Before.Raw != m.After.Raw
}
func (m *MailboxDifference) hasMessages() bool {
	return m.Added+m.Removed+m.MovedIn+m.MovedOut+m.Reflagged > 0
}

func (m *MailboxDifference) differs() bool {
	return m.Created() || m.WasRemoved() || m.Renamed() || m.Renumbered || m.Unread != nil || m.hasMessages()
}

// Compare compares two manifests. It returns an error if it cannot go on, for example because a
// mailbox table cannot be read. A mailbox whose pages cannot be read has the error in its Unread.
func Compare(ctx context.Context, before, after *archive.Contents) (*Difference, error) {
	after.ShareReader(before) // most of their pages are in the same frames
	pairs, err := pairMailboxes(ctx, before, after)
	if err != nil {
		return nil, err
	}
	d := &comparison{Difference: &Difference{Before: before, After: after}, known: make(map[string]uint32)}
	for p, err := range readAhead(ctx, [2]*archive.Contents{before, after}, pairs) {
		if err == nil {
			err = d.compare(ctx, p)
		}
		if err != nil {
			return nil, err
		}
	}
	d.match()
	d.count()
	return d.finish(), nil
}

// comparison is a comparison under way.
type comparison struct {
	*Difference
	known map[string]uint32 // flag sets, and where they are in Difference.sets
}

// compare records what differs in one pair.
func (c *comparison) compare(ctx context.Context, p *unsharedPages) error {
	m := &MailboxDifference{Before: p.before, After: p.after, index: uint32(len(c.Mailboxes))}
	m.Renumbered = p.renumbered()
	gone, come := len(c.departed), len(c.arrived)
	if err := c.messages(ctx, m, p); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !archive.IsDamage(err) {
			return err
		}
		m.Unread, m.reflags = err, nil
		c.departed, c.arrived = c.departed[:gone], c.arrived[:come]
	}
	m.leaving, m.arriving = rowRange{gone, len(c.departed)}, rowRange{come, len(c.arrived)}
	c.Mailboxes = append(c.Mailboxes, m)
	return nil
}

// match pairs each message that left a mailbox with one that arrived: first in the same mailbox,
// where it has another UID, then in any.
func (c *comparison) match() {
	gone, come := byHash(c.departed), byHash(c.arrived)
	for len(gone) > 0 && len(come) > 0 {
		hash := c.departed[gone[0]].hash
		switch order := hash.Compare(c.arrived[come[0]].hash); {
		case order < 0:
			gone = gone[1:]
		case order > 0:
			come = come[1:]
		default:
			n, m := alike(c.departed, gone), alike(c.arrived, come)
			c.matchCopies(gone[:n], come[:m])
			gone, come = gone[n:], come[m:]
		}
	}
}

// byHash returns the indexes of rows in the order of their hashes. Rows of one hash keep their
// order.
func byHash(rows []diffRow) []uint32 {
	order := make([]uint32, len(rows))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(rows[a].hash.Compare(rows[b].hash), cmp.Compare(a, b)) })
	return order
}

// alike returns how many rows from the first on are of the same message.
func alike(rows []diffRow, order []uint32) int {
	n := 1
	for n < len(order) && rows[order[n]].hash == rows[order[0]].hash {
		n++
	}
	return n
}

// matchCopies matches the rows of one message. Both ascend by mailbox.
func (c *comparison) matchCopies(gone, come []uint32) {
	for i, j := 0, 0; i < len(gone) && j < len(come); {
		switch from, to := c.departed[gone[i]].box, c.arrived[come[j]].box; {
		case from < to:
			i++
		case from > to:
			j++
		default:
			c.link(gone[i], come[j])
			i, j = i+1, j+1
		}
	}
	j := 0
	for _, g := range gone {
		if c.departed[g].peer != 0 {
			continue
		}
		for j < len(come) && c.arrived[come[j]].peer != 0 {
			j++
		}
		if j == len(come) {
			return
		}
		c.link(g, come[j])
	}
}

func (c *comparison) link(gone, come uint32) {
	c.departed[gone].peer, c.arrived[come].peer = come+1, gone+1
}

// count counts the rows of each mailbox.
func (c *comparison) count() {
	for i := range c.departed {
		m := c.Mailboxes[c.departed[i].box]
		if c.departed[i].peer == 0 {
			m.Removed++
		} else {
			m.MovedOut++
		}
	}
	for i := range c.arrived {
		m := c.Mailboxes[c.arrived[i].box]
		if c.arrived[i].peer == 0 {
			m.Added++
		} else {
			m.MovedIn++
		}
	}
	for _, m := range c.Mailboxes {
		m.Reflagged = int64(len(m.reflags))
	}
}

// finish keeps the mailboxes that differ, and renumbers them in the rows.
func (c *comparison) finish() *Difference {
	kept := c.Mailboxes[:0]
	for _, m := range c.Mailboxes {
		if !m.differs() {
			continue
		}
		m.index = uint32(len(kept))
		for i := m.leaving.from; i < m.leaving.to; i++ {
			c.departed[i].box = m.index
		}
		for i := m.arriving.from; i < m.arriving.to; i++ {
			c.arrived[i].box = m.index
		}
		kept = append(kept, m)
	}
	c.Mailboxes = kept
	return c.Difference
}

// Totals returns the sums over all mailboxes, in a MailboxDifference without a mailbox.
func (d *Difference) Totals() MailboxDifference {
	var sum MailboxDifference
	for _, m := range d.Mailboxes {
		sum.Added += m.Added
		sum.Removed += m.Removed
		sum.MovedIn += m.MovedIn
		sum.MovedOut += m.MovedOut
		sum.Reflagged += m.Reflagged
	}
	return sum
}

// Whole returns why some mailbox could not be compared, or nil.
func (d *Difference) Whole() error {
	var errs []error
	for _, m := range d.Mailboxes {
		if m.Unread != nil {
			errs = append(errs, fmt.Errorf("mailbox %q: %w", m.Mailbox().Name, m.Unread))
		}
	}
	return errors.Join(errs...)
}
