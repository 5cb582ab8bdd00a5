package imaprestore

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/internal/canonical"
)

// settle compares the new messages after an answer was lost, to find out which of the items were added. It returns the others.
func (f *folder) settle(ctx context.Context, items []*item) (left []*item, err error) {
	if err := f.locate(ctx); err != nil { // so that an item is not taken for an equal one that was added before
		return items, err
	}
	fresh, err := f.arrived(ctx)
	if err != nil {
		return items, err
	}
	return f.recognise(ctx, items, fresh)
}

// recognise finds items among new messages, by all their bytes, and returns those that are not there.
func (f *folder) recognise(ctx context.Context, items []*item, fresh []*present) (left []*item, err error) {
	if err := f.digests(ctx, fresh); err != nil {
		return items, err
	}
	mine := make([]fingerprint.Fingerprint, len(items))
	for i, it := range items {
		if mine[i], err = fingerprint.Of(it.spool.CopyTo); err != nil {
			return items, err
		}
	}
	var found []*item
	seek := func(is func(p *present, it *item, like fingerprint.Fingerprint) bool) {
		for i, it := range items {
			at := slices.IndexFunc(fresh, func(p *present) bool { return !p.used && is(p, it, mine[i]) })
			if it.uid == 0 && at >= 0 {
				f.found(it, fresh[at])
				found = append(found, it)
			}
		}
	}
	for _, alike := range fingerprint.Levels {
		seek(func(p *present, _ *item, like fingerprint.Fingerprint) bool {
			return p.hasBody && alike(p.known().Fingerprint, like)
		})
	}
	if err := f.recogniseContent(ctx, items, fresh, &found); err != nil {
		return items, err
	}
	// Altered otherwise, perhaps: the same size and the same instant, and nobody else's.
	seek(func(p *present, it *item, _ fingerprint.Fingerprint) bool { return p.couldBe(it) && it.odd.Any() })
	left = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.uid != 0 })
	return left, f.journal.Add(recorded(found))
}

// recogniseContent finds items among new messages by what servers do not change.
func (f *folder) recogniseContent(ctx context.Context, items []*item, fresh []*present, found *[]*item) error {
	fresh = slices.DeleteFunc(slices.Clone(fresh), func(p *present) bool { return p.used })
	if len(fresh) == 0 || !slices.ContainsFunc(items, func(it *item) bool { return it.uid == 0 }) {
		return nil
	}
	there, err := f.contents(ctx, fresh)
	if err != nil {
		return err
	}
	for _, it := range items {
		mine := canonical.NewDigester()
		if it.uid != 0 {
			continue
		}
		if err := it.spool.CopyTo(mine); err != nil {
			return err
		}
		sum := mine.Sum()
		at := slices.IndexFunc(fresh, func(p *present) bool {
			return !p.used && (it.date == "" || p.instant == it.Internal.Seconds) && there[p.uid].Same(sum)
		})
		if at >= 0 {
			f.found(it, fresh[at])
			*found = append(*found, it)
		}
	}
	return nil
}

// couldBe reports whether size and date of a message that is there are an item's.
func (p *present) couldBe(it *item) bool {
	return p.size == it.spool.Size && p.instant == it.Internal.Seconds
}

// found notes the message that an item has become.
func (f *folder) found(it *item, p *present) {
	p.used = true
	it.uid, it.fate.Added = p.uid, true
	f.next = max(f.next, it.uid+1)
}

// locate finds the UIDs of items that the server took without returning UIDs, because it has no UIDPLUS or returned another
// UIDVALIDITY. The items are certainly there, so size and date, in the order of sending, are enough. The others are compared.
func (f *folder) locate(ctx context.Context) error {
	if len(f.nameless) == 0 {
		return nil
	}
	if err := f.c.Noop(ctx); err != nil {
		return err
	}
	fresh, err := f.arrived(ctx)
	if err != nil {
		return err
	}
	var found, other []*item
	for _, it := range f.nameless {
		at := slices.IndexFunc(fresh, func(p *present) bool { return !p.used && p.couldBe(it) })
		if at < 0 {
			other = append(other, it)
			continue
		}
		f.found(it, fresh[at])
		found = append(found, it)
	}
	if f.nameless = other; len(other) > 0 {
		_, err = f.recognise(ctx, other, slices.DeleteFunc(fresh, func(p *present) bool { return p.used }))
	}
	if err == nil {
		f.nameless = nil
	}
	return errors.Join(err, f.journal.Add(recorded(found)))
}
