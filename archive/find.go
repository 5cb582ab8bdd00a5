package archive

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/manifest"
)

// Found is a message that a Query fits, where it is in one manifest.
type Found struct {
	Mailbox *manifest.Mailbox
	Entry   *manifest.Entry
}

// Find yields the messages that the query fits, of the mailboxes that are wanted (nil: of all), in their order, as they
// are found. It reads a page of records after the other, and of those messages whose records fit the headers. As with
// Entries, an error is about what it names alone, if it is of damage; any other ends it.
func (c *Contents) Find(ctx context.Context, q Query, wants func(*manifest.Mailbox) bool) iter.Seq2[Found, error] {
	s := newSieve(q)
	return func(yield func(Found, error) bool) {
		for mailbox, err := range c.Mailboxes(ctx) {
			if err != nil && !yieldError(ctx, yield, err) {
				return
			}
			if err == nil && (wants == nil || wants(mailbox)) && !c.findIn(ctx, s, mailbox, yield) {
				return
			}
		}
	}
}

// findIn yields the messages of one mailbox.
func (c *Contents) findIn(ctx context.Context, s *sieve, mailbox *manifest.Mailbox, yield func(Found, error) bool) bool {
	for page, err := range c.pagesAhead(ctx, mailbox) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = c.page(ctx, mailbox, page)
		}
		if err != nil && !yieldError(ctx, yield, err) {
			return false
		}
		var likely []*manifest.Entry
		var records []*manifest.Record
		for i := range entries {
			if s.fits(&entries[i]) {
				likely, records = append(likely, &entries[i]), append(records, &entries[i].Record)
			}
		}
		fits, harm, err := c.sift(ctx, mailbox, s, records)
		for _, err := range append(harm, err) {
			if err != nil && !yieldError(ctx, yield, err) {
				return false
			}
		}
		for i, entry := range likely {
			if fits[i] && !yield(Found{mailbox, entry}, nil) {
				return false
			}
		}
	}
	return true
}

// yieldError yields an error and reports whether there is any use in going on.
func yieldError[T any](ctx context.Context, yield func(T, error) bool, err error) bool {
	var none T
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return yield(none, err) && ctx.Err() == nil && isDamage(err)
}
