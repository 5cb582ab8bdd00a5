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

// Find yields the messages of a manifest that match the query, in the mailboxes that wants selects
// (nil selects all). It reads the records of many pages at once, and the headers of messages whose
// records match. After an error of damage, which is about the piece that it names, it goes on. Any
// other error is the last.
func Find(
	ctx context.Context, c *archive.Contents, q Query, wants func(*manifest.Mailbox) bool,
) iter.Seq2[Match, error] {
	f := &finder{contents: c, ahead: archive.NewLookahead(c.Chunks(), wants, true), matcher: newMatcher(q)}
	return f.matches(ctx, func(yield func(*page, error) bool) {
		for mailbox, err := range f.ahead.Mailboxes(ctx, c) {
			if err != nil && !yield(nil, err) {
				return
			}
			if err == nil && (wants == nil || wants(mailbox)) && !f.pages(ctx, mailbox, yield) {
				return
			}
		}
	})
}

// FindIn yields the messages of one mailbox that match the query. If uids is not empty, it searches
// only these. Its errors are those of Find.
func FindIn(
	ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, q Query, uids mail.UIDSet,
) iter.Seq2[Match, error] {
	f := &finder{c, archive.NewLookahead(c.Chunks(), nil, true), newMatcher(q), uids}
	return f.matches(ctx, func(yield func(*page, error) bool) { f.pages(ctx, mailbox, yield) })
}

// finder searches one manifest.
type finder struct {
	contents *archive.Contents
	ahead    *archive.Lookahead
	matcher  *matcher
	uids     mail.UIDSet // if not empty, only these are searched
}

// pages yields the pages of a mailbox. It reports whether to go on.
func (f *finder) pages(ctx context.Context, mailbox *manifest.Mailbox, yield func(*page, error) bool) bool {
	rows := f.contents.Pages(ctx, mailbox)
	if f.uids.Len() > 0 {
		rows = archive.PagesAt(rows, f.uids)
	}
	for row, err := range f.ahead.Pages(ctx, rows) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = f.contents.Page(ctx, mailbox, row)
		}
		if err != nil && !yield(nil, err) || !yield(f.page(mailbox, entries), nil) {
			return false
		}
	}
	return true
}

// page returns the page with the messages whose records match.
func (f *finder) page(mailbox *manifest.Mailbox, entries []manifest.Entry) *page {
	p := &page{mailbox: mailbox}
	for i := range entries {
		if e := &entries[i]; f.matcher.fits(e) && (f.uids.Len() == 0 || f.uids.Contains(e.UID)) {
			p.candidates = append(p.candidates, candidate{entry: e})
		}
	}
	return p
}

// matches yields the messages of pages that match.
func (f *finder) matches(ctx context.Context, pages iter.Seq2[*page, error]) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		for p, err := range readMessages(ctx, f.contents.Chunks(), f.matcher, pages) {
			if err != nil {
				if !yieldError(ctx, yield, err) {
					return
				}
				continue
			}
			for _, err := range p.damage() {
				if !yieldError(ctx, yield, err) {
					return
				}
			}
			for i := range p.candidates {
				if c := &p.candidates[i]; c.fits && !yield(Match{p.mailbox, c.entry}, nil) {
					return
				}
			}
		}
	}
}

// yieldError yields an error and reports whether to go on, which makes sense after damage only.
func yieldError[T any](ctx context.Context, yield func(T, error) bool, err error) bool {
	var none T
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return yield(none, err) && ctx.Err() == nil && archive.IsDamage(err)
}
