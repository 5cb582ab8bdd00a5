package imaprestore

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/internal/canonical"
)

// findAdded finds out, after an answer was lost, which of the items were added, and returns the
// others. It compares them with the messages that are new. It looks again if the connection is lost
// meanwhile.
func (f *folder) findAdded(ctx context.Context, items []*item) (left []*item, err error) {
	left = items
	err = f.retry(ctx, func() error {
		if f.c == f.sentBy && len(f.withoutUID) == 0 { // some servers show what was added after a NOOP only
			if err := f.c.Noop(ctx); err != nil {
				return err
			}
		}
		if err := f.findUIDs(ctx); err != nil { // so that an item is not taken for an equal one that was added before
			return err
		}
		fresh, err := f.newMessages(ctx)
		if err != nil {
			return err
		}
		left, err = f.identify(ctx, items, fresh)
		return err
	})
	return left, err
}

// matches are the messages that items have become. They are marked together at the end: a message
// that is marked is not listed again, and neither are those before it, but all of them must be if
// the connection is lost.
type matches map[*item]*existing

func (m matches) add(it *item, p *existing) { m[it], p.used = p, true }

// identify finds items among new messages by their fingerprints, and returns those that are not
// there. If it fails, it has marked none.
func (f *folder) identify(ctx context.Context, items []*item, fresh []*existing) (left []*item, err error) {
	if err := f.readBodies(ctx, fresh); err != nil {
		return items, err
	}
	mine := make([]fingerprint.Fingerprint, len(items))
	for i, it := range items {
		if mine[i], err = fingerprint.Of(it.text.CopyTo); err != nil {
			return items, err
		}
	}
	found := matches{}
	seek := func(is func(p *existing, it *item, like fingerprint.Fingerprint) bool) {
		for i, it := range items {
			at := slices.IndexFunc(fresh, func(p *existing) bool { return !p.used && is(p, it, mine[i]) })
			if found[it] == nil && at >= 0 {
				found.add(it, fresh[at])
			}
		}
	}
	for _, alike := range fingerprint.Levels {
		seek(func(p *existing, _ *item, like fingerprint.Fingerprint) bool {
			return p.hasBody && alike(p.known().Fingerprint, like)
		})
	}
	if err := f.identifyByContent(ctx, items, fresh, found); err != nil {
		return items, err
	}
	// The server may have altered it in another way: it has the same size and date, and is no copy
	// of another item.
	seek(func(p *existing, it *item, _ fingerprint.Fingerprint) bool {
		return p.hasSizeAndDate(it) && it.traits.Any()
	})
	left = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return found[it] != nil })
	return left, f.markAdded(found)
}

// identifyByContent finds items among new messages by what servers do not change.
func (f *folder) identifyByContent(ctx context.Context, items []*item, fresh []*existing, found matches) error {
	fresh = slices.DeleteFunc(slices.Clone(fresh), func(p *existing) bool { return p.used })
	if len(fresh) == 0 || len(found) == len(items) {
		return nil
	}
	there, err := f.canonicalDigests(ctx, fresh)
	if err != nil {
		return err
	}
	for _, it := range items {
		mine := canonical.NewDigester()
		if found[it] != nil {
			continue
		}
		if err := it.text.CopyTo(mine); err != nil {
			return err
		}
		sum := mine.Sum()
		at := slices.IndexFunc(fresh, func(p *existing) bool {
			return !p.used && (it.date == "" || p.date == it.Internal.Seconds) && there[p.uid].Same(sum)
		})
		if at >= 0 {
			found.add(it, fresh[at])
		}
	}
	return nil
}

// hasSizeAndDate reports whether a message has the size and date of an item.
func (p *existing) hasSizeAndDate(it *item) bool {
	return p.size == it.text.Size && p.date == it.Internal.Seconds
}

// markAdded records that items have become messages.
func (f *folder) markAdded(found matches) error {
	items := slices.SortedFunc(maps.Keys(found), func(a, b *item) int { return cmp.Compare(found[a].uid, found[b].uid) })
	for _, it := range items {
		it.uid, it.result.Added = found[it].uid, true
		f.next = max(f.next, it.uid+1)
	}
	if len(items) > 0 {
		f.t.dropped.Store(0)
	}
	return f.journal.Add(journalMessages(items))
}

// findUIDs finds the UIDs of items that the server added without returning UIDs, because it lacks
// UIDPLUS or returned another UIDVALIDITY. These items are certainly there, so size and date, in
// the order of sending, are enough. The others are compared by their bytes.
func (f *folder) findUIDs(ctx context.Context) error {
	if len(f.withoutUID) == 0 {
		return nil
	}
	if err := f.c.Noop(ctx); err != nil {
		return err
	}
	fresh, err := f.newMessages(ctx)
	if err != nil {
		return err
	}
	found := matches{}
	var other []*item
	for _, it := range f.withoutUID {
		at := slices.IndexFunc(fresh, func(p *existing) bool { return !p.used && p.hasSizeAndDate(it) })
		if at < 0 {
			other = append(other, it)
			continue
		}
		found.add(it, fresh[at])
	}
	if len(other) > 0 {
		if _, err := f.identify(ctx, other, slices.DeleteFunc(fresh, func(p *existing) bool { return p.used })); err != nil {
			return err
		}
	}
	f.withoutUID = nil
	return f.markAdded(found)
}
