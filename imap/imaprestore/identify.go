package imaprestore

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/internal/canonical"
)

// findAdded finds out, after an answer was lost, which of the items were added, and returns the
// others. It compares them with the messages that are new.
func (f *folder) findAdded(ctx context.Context, items []*item) (left []*item, err error) {
	if err := f.findUIDs(ctx); err != nil { // so that an item is not taken for an equal one that was added before
		return items, err
	}
	fresh, err := f.newMessages(ctx)
	if err != nil {
		return items, err
	}
	return f.identify(ctx, items, fresh)
}

// identify finds items among new messages by their fingerprints, and returns those that are not
// there.
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
	var found []*item
	seek := func(is func(p *existing, it *item, like fingerprint.Fingerprint) bool) {
		for i, it := range items {
			at := slices.IndexFunc(fresh, func(p *existing) bool { return !p.used && is(p, it, mine[i]) })
			if it.uid == 0 && at >= 0 {
				f.markAdded(it, fresh[at])
				found = append(found, it)
			}
		}
	}
	for _, alike := range fingerprint.Levels {
		seek(func(p *existing, _ *item, like fingerprint.Fingerprint) bool {
			return p.hasBody && alike(p.known().Fingerprint, like)
		})
	}
	if err := f.identifyByContent(ctx, items, fresh, &found); err != nil {
		return items, err
	}
	// The server may have altered it in another way: it has the same size and date, and is no copy
	// of another item.
	seek(func(p *existing, it *item, _ fingerprint.Fingerprint) bool {
		return p.hasSizeAndDate(it) && it.traits.Any()
	})
	left = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.uid != 0 })
	return left, f.journal.Add(journalMessages(found))
}

// identifyByContent finds items among new messages by what servers do not change.
func (f *folder) identifyByContent(ctx context.Context, items []*item, fresh []*existing, found *[]*item) error {
	fresh = slices.DeleteFunc(slices.Clone(fresh), func(p *existing) bool { return p.used })
	if len(fresh) == 0 || !slices.ContainsFunc(items, func(it *item) bool { return it.uid == 0 }) {
		return nil
	}
	there, err := f.canonicalDigests(ctx, fresh)
	if err != nil {
		return err
	}
	for _, it := range items {
		mine := canonical.NewDigester()
		if it.uid != 0 {
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
			f.markAdded(it, fresh[at])
			*found = append(*found, it)
		}
	}
	return nil
}

// hasSizeAndDate reports whether a message has the size and date of an item.
func (p *existing) hasSizeAndDate(it *item) bool {
	return p.size == it.text.Size && p.date == it.Internal.Seconds
}

// markAdded records that an item has become a message.
func (f *folder) markAdded(it *item, p *existing) {
	p.used = true
	it.uid, it.result.Added = p.uid, true
	f.next = max(f.next, it.uid+1)
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
	var found, other []*item
	for _, it := range f.withoutUID {
		at := slices.IndexFunc(fresh, func(p *existing) bool { return !p.used && p.hasSizeAndDate(it) })
		if at < 0 {
			other = append(other, it)
			continue
		}
		f.markAdded(it, fresh[at])
		found = append(found, it)
	}
	if f.withoutUID = other; len(other) > 0 {
		_, err = f.identify(ctx, other, slices.DeleteFunc(fresh, func(p *existing) bool { return p.used }))
	}
	if err == nil {
		f.withoutUID = nil
	}
	return errors.Join(err, f.journal.Add(journalMessages(found)))
}
