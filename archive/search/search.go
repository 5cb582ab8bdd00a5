package search

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Match is a message that matches a Query, in one manifest.
type Match struct {
	Mailbox *manifest.Mailbox
	Entry   *manifest.Entry
}

// Find yields the messages of a manifest that match the query, in the mailboxes that wants selects (nil selects all). It reads
// records page by page, and the headers of messages whose records match. After an error of damage, which is about the piece
// that it names, it goes on. Any other error is the last.
func Find(ctx context.Context, c *archive.Contents, q Query, wants func(*manifest.Mailbox) bool) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		f := &finder{contents: c, matcher: newMatcher(q)}
		for mailbox, err := range c.Mailboxes(ctx) {
			if err != nil && !yieldError(ctx, yield, err) {
				return
			}
			if err == nil && (wants == nil || wants(mailbox)) && !f.searchMailbox(ctx, mailbox, yield) {
				return
			}
		}
	}
}

// FindIn yields the messages of one mailbox that match the query. If uids is not empty, it searches only these. Its errors are
// those of Find.
func FindIn(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, q Query, uids mail.UIDSet) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		(&finder{c, newMatcher(q), uids}).searchMailbox(ctx, mailbox, yield)
	}
}

// finder searches one manifest.
type finder struct {
	contents *archive.Contents
	matcher  *matcher
	uids     mail.UIDSet // if not empty, only these are searched
}

// searchMailbox searches one mailbox. It reports whether to go on.
func (f *finder) searchMailbox(ctx context.Context, mailbox *manifest.Mailbox, yield func(Match, error) bool) bool {
	pages := f.contents.Pages(ctx, mailbox)
	if f.uids.Len() > 0 {
		pages = archive.PagesAt(pages, f.uids)
	}
	for page, err := range f.contents.Ahead(ctx, pages) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = f.contents.Page(ctx, mailbox, page)
		}
		if err != nil && !yieldError(ctx, yield, err) {
			return false
		}
		if !f.searchPage(ctx, mailbox, entries, yield) {
			return false
		}
	}
	return true
}

// searchPage yields the messages of a page that match.
func (f *finder) searchPage(ctx context.Context, mailbox *manifest.Mailbox, entries []manifest.Entry, yield func(Match, error) bool) bool {
	var likely []*manifest.Entry
	var records []*manifest.Record
	for i := range entries {
		e := &entries[i]
		if f.matcher.fits(e) && (f.uids.Len() == 0 || f.uids.Contains(e.UID)) {
			likely, records = append(likely, e), append(records, &e.Record)
		}
	}
	fits, harm, err := filterMessages(ctx, f.contents, mailbox, f.matcher, records)
	for _, err := range append(harm, err) {
		if err != nil && !yieldError(ctx, yield, err) {
			return false
		}
	}
	for i, entry := range likely {
		if fits[i] && !yield(Match{mailbox, entry}, nil) {
			return false
		}
	}
	return true
}

// yieldError yields an error and reports whether to go on, which makes sense after damage only.
func yieldError[T any](ctx context.Context, yield func(T, error) bool, err error) bool {
	var none T
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return yield(none, err) && ctx.Err() == nil && archive.IsDamage(err)
}
