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
func (d *comparison) messages(ctx context.Context, m *MailboxDifference, p *unsharedPages) error {
	if p.err != nil {
		return p.err
	}
	var err error
	var messages renumbered // if the UIDs changed
	for x, y := range mergeEntries(ctx, [2]*archive.Contents{d.Before, d.After}, p.pair, p.pages[0], p.pages[1], &err) {
		switch {
		case m.Renumbered:
			messages.add(d, x, y)
		case x != nil && y != nil && x.Hash == y.Hash:
			d.reflag(m, y.UID, d.set(&x.FlagSet), d.set(&y.FlagSet))
		default:
			if x != nil {
				d.departed = append(d.departed, diffRow{hash: x.Hash, uid: x.UID, box: m.index})
			}
			if y != nil {
				d.arrived = append(d.arrived, diffRow{hash: y.Hash, uid: y.UID, box: m.index})
			}
		}
	}
	messages.compare(d, m)
	return err
}

// set returns the index of a flag set.
func (d *comparison) set(set *manifest.FlagSet) uint32 {
	key := strings.Join(set.Flags, "\x00") + "\x00\x00" + strings.Join(set.Labels, "\x00")
	at, ok := d.known[key]
	if !ok {
		at = uint32(len(d.sets))
		d.known[key], d.sets = at, append(d.sets, *set)
	}
	return at
}

func (d *comparison) reflag(m *MailboxDifference, uid mail.UID, was, is uint32) {
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
func (c *renumbered) add(d *comparison, x, y *manifest.Entry) {
	if x != nil {
		c.before = append(c.before, renumberedRow{x.Hash, x.UID, d.set(&x.FlagSet)})
	}
	if y != nil {
		c.after = append(c.after, renumberedRow{y.Hash, y.UID, d.set(&y.FlagSet)})
	}
}

// compare compares by hash. Copies of one message are compared in the order of their UIDs.
func (c *renumbered) compare(d *comparison, m *MailboxDifference) {
	order := func(a, b renumberedRow) int { return cmp.Or(a.hash.Compare(b.hash), cmp.Compare(a.uid, b.uid)) }
	slices.SortFunc(c.before, order)
	slices.SortFunc(c.after, order)
	gone, come := len(d.departed), len(d.arrived)
	for i, j := 0, 0; i < len(c.before) || j < len(c.after); {
		switch {
		case j == len(c.after) || i < len(c.before) && c.before[i].hash.Compare(c.after[j].hash) < 0:
			d.departed = append(d.departed, diffRow{hash: c.before[i].hash, uid: c.before[i].uid, box: m.index})
			i++
		case i == len(c.before) || c.before[i].hash != c.after[j].hash:
			d.arrived = append(d.arrived, diffRow{hash: c.after[j].hash, uid: c.after[j].uid, box: m.index})
			j++
		default:
			d.reflag(m, c.after[j].uid, c.before[i].set, c.after[j].set)
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
func mergeEntries(ctx context.Context, c [2]*archive.Contents, p pair, before, after []manifest.Page, failed *error) iter.Seq2[*manifest.Entry, *manifest.Entry] {
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
