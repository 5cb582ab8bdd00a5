package diff

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// messages records which messages left and arrived, and whose flags changed. Within one
// UIDVALIDITY, messages are the same if their UIDs and hashes are; across two, if their hashes are.
func (c *comparison) messages(ctx context.Context, m *MailboxDifference, p *unsharedPages) error {
	if p.err != nil {
		return p.err
	}
	var err error
	var messages renumbered // if the UIDs changed
	for x, y := range mergeEntries(ctx, [2]*archive.Contents{c.Before, c.After}, p.pair, p.pages[0], p.pages[1], &err) {
		switch {
		case m.Renumbered:
			messages.add(c, x, y)
		case x != nil && y != nil && x.Hash == y.Hash:
			c.reflag(m, y.UID, c.set(&x.FlagSet), c.set(&y.FlagSet))
		default:
			if x != nil {
				c.departed = append(c.departed, diffRow{hash: x.Hash, uid: x.UID, box: m.index})
			}
			if y != nil {
				c.arrived = append(c.arrived, diffRow{hash: y.Hash, uid: y.UID, box: m.index})
			}
		}
	}
	messages.compare(c, m)
	return err
}

// set returns the index of a flag set.
func (c *comparison) set(set *manifest.FlagSet) uint32 {
	key := strings.Join(set.Flags, "\x00") + "\x00\x00" + strings.Join(set.Labels, "\x00")
	at, ok := c.known[key]
	if !ok {
		at = uint32(len(c.sets))
		c.known[key], c.sets = at, append(c.sets, *set)
	}
	return at
}

func (c *comparison) reflag(m *MailboxDifference, uid mail.UID, was, is uint32) {
	if was != is {
		m.reflags = append(m.reflags, reflagRow{uid, was})
	}
}

// renumbered has the messages of a mailbox whose UIDVALIDITY changed.
type renumbered struct{ before, after []renumberedRow }

type renumberedRow struct {
	hash chunk.ID
	uid  mail.UID
	set  uint32
}

// add adds an entry of each side. Either may be nil.
func (r *renumbered) add(d *comparison, x, y *manifest.Entry) {
	if x != nil {
		r.before = append(r.before, renumberedRow{x.Hash, x.UID, d.set(&x.FlagSet)})
	}
	if y != nil {
		r.after = append(r.after, renumberedRow{y.Hash, y.UID, d.set(&y.FlagSet)})
	}
}

// compare compares by hash. Copies of one message are compared in the order of their UIDs.
func (r *renumbered) compare(d *comparison, m *MailboxDifference) {
	order := func(a, b renumberedRow) int { return cmp.Or(a.hash.Compare(b.hash), cmp.Compare(a.uid, b.uid)) }
	slices.SortFunc(r.before, order)
	slices.SortFunc(r.after, order)
	gone, come := len(d.departed), len(d.arrived)
	for i, j := 0, 0; i < len(r.before) || j < len(r.after); {
		switch {
		case j == len(r.after) || i < len(r.before) && r.before[i].hash.Compare(r.after[j].hash) < 0:
			d.departed = append(d.departed, diffRow{hash: r.before[i].hash, uid: r.before[i].uid, box: m.index})
			i++
		case i == len(r.before) || r.before[i].hash != r.after[j].hash:
			d.arrived = append(d.arrived, diffRow{hash: r.after[j].hash, uid: r.after[j].uid, box: m.index})
			j++
		default:
			d.reflag(m, r.after[j].uid, r.before[i].set, r.after[j].set)
			i, j = i+1, j+1
		}
	}
	byUID := func(a, b diffRow) int { return cmp.Compare(a.uid, b.uid) }
	slices.SortFunc(d.departed[gone:], byUID)
	slices.SortFunc(d.arrived[come:], byUID)
	slices.SortFunc(m.reflags, func(a, b reflagRow) int { return cmp.Compare(a.uid, b.uid) })
}

// mergeEntries yields the entries of two lists of pages side by side, UID by UID, with nil where
// one has none. It ends at the first error.
func mergeEntries(
	ctx context.Context, c [2]*archive.Contents, p pair, before, after []manifest.Page, failed *error,
) iter.Seq2[*manifest.Entry, *manifest.Entry] {
	return func(yield func(x, y *manifest.Entry) bool) {
		nextX, stopX := iter.Pull2(c[0].EntriesIn(ctx, p.before, rows(before)))
		defer stopX()
		nextY, stopY := iter.Pull2(c[1].EntriesIn(ctx, p.after, rows(after)))
		defer stopY()
		x, errX, _ := nextX()
		y, errY, _ := nextY()
		for x != nil || y != nil {
			if *failed = cmp.Or(errX, errY); *failed != nil {
				return
			}
			a, b := x, y
			switch {
			case a == nil, b != nil && b.UID < a.UID:
				a = nil
			case b == nil, a.UID < b.UID:
				b = nil
			}
			if !yield(a, b) {
				return
			}
			if a != nil {
				x, errX, _ = nextX()
			}
			if b != nil {
				y, errY, _ = nextY()
			}
		}
		*failed = cmp.Or(errX, errY)
	}
}

// rows yields pages as Contents.Pages does.
func rows(pages []manifest.Page) iter.Seq2[manifest.Page, error] {
	return func(yield func(manifest.Page, error) bool) {
		for _, page := range pages {
			if !yield(page, nil) {
				return
			}
		}
	}
}
