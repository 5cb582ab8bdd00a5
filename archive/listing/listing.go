// Package listing shows the messages of a mailbox by their place in it, the newest first, without
// reading what is not shown.
//
// The page lists of a mailbox say how many messages each page has. A Listing reads them from the
// end that is nearer to what is asked for, so the first messages and the last ones of a million
// cost the same: the list groups, which are few, a list, some pages, and their headers.
package listing

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
)

// Listing is the messages of a mailbox, by descending UID. Its methods may be called from several
// goroutines at once.
type Listing struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox

	mu    sync.Mutex
	ids   []chunk.ID        // of the page lists; nil: not known, or there are none
	lists [][]manifest.Page // by ids; nil: not read
	gone  map[int]error     // why a list group cannot be read, which takes the place of a list
	ahead int               // how many page lists are read at once
}

// Open returns the listing of a mailbox. It reads nothing.
func Open(c *archive.Contents, mailbox *manifest.Mailbox) *Listing {
	l := &Listing{contents: c, mailbox: mailbox, gone: make(map[int]error), ahead: listsAhead}
	if len(mailbox.Lists)+len(mailbox.Groups) == 0 {
		l.lists = [][]manifest.Page{mailbox.Pages}
	}
	return l
}

// open finds the page lists, if that was not done before. It reads the list groups.
func (l *Listing) open(ctx context.Context) error {
	if l.lists != nil {
		return nil
	}
	var ids []chunk.ID
	for id, err := range l.contents.Lists(ctx, l.mailbox) {
		switch {
		case err != nil && (ctx.Err() != nil || !archive.IsDamage(err)):
			return err
		case err != nil:
			l.gone[len(ids)] = err
		}
		ids = append(ids, id)
	}
	l.ids, l.lists = ids, make([][]manifest.Page, len(ids))
	return nil
}

// Len returns the number of messages.
func (l *Listing) Len() int { return int(l.mailbox.Messages) }

// These are how many page lists are read at once, at first and later. The number doubles, so that
// the middle of a large mailbox takes few round trips.
const (
	listsAhead     = 16
	listsAheadMost = 64
)

// At returns at most n messages, from a place on: 0 is the newest. It returns fewer at the end.
// Messages of a page that cannot be read are there without a UID, and those whose flags cannot be
// read without flags. An error is about a list group or a page list.
func (l *Listing) At(ctx context.Context, from, n int) ([]manifest.Entry, error) {
	n = min(n, l.Len()-from)
	if n <= 0 || from < 0 {
		return nil, nil
	}
	pages, skip, err := l.pages(ctx, from, n)
	if err != nil {
		return nil, err
	}
	var entries []manifest.Entry // ascending
	rows := func(yield func(manifest.Page, error) bool) {
		for _, page := range pages {
			if !yield(page, nil) {
				return
			}
		}
	}
	for page, err := range l.contents.Ahead(ctx, rows) {
		if err != nil {
			return nil, err
		}
		some, err := l.contents.Page(ctx, l.mailbox, page)
		switch {
		case some != nil || err == nil:
		case archive.IsDamage(err) && ctx.Err() == nil:
			some = make([]manifest.Entry, page.Messages)
		default:
			return nil, err
		}
		entries = append(entries, some...)
	}
	slices.Reverse(entries)
	if len(entries) < skip+n {
		return nil, fmt.Errorf("mailbox %q: %w: pages with %d messages have %d",
			l.mailbox.Name, manifest.ErrMalformed, skip+n, len(entries))
	}
	return entries[skip : skip+n], nil
}

// pages returns the pages with some messages, ascending, and how many newer messages they have.
func (l *Listing) pages(ctx context.Context, from, n int) (pages []manifest.Page, skip int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(ctx); err != nil {
		return nil, 0, err
	}
	if 2*from > l.Len() {
		return l.fromOldest(ctx, from, n)
	}
	before := 0 // newer messages
	for at := len(l.lists) - 1; at >= 0; at-- {
		if err := l.read(ctx, at, -1); err != nil {
			return nil, 0, err
		}
		list := l.lists[at]
		for i := len(list) - 1; i >= 0; i-- {
			size := int(list[i].Messages)
			if before+size > from && before < from+n {
				if len(pages) == 0 {
					skip = from - before
				}
				pages = append(pages, list[i])
			}
			before += size
		}
		if before >= from+n {
			break
		}
	}
	slices.Reverse(pages)
	return pages, skip, nil
}

// fromOldest is pages for places nearer to the oldest message.
func (l *Listing) fromOldest(ctx context.Context, from, n int) (pages []manifest.Page, skip int, err error) {
	first, last := l.Len()-from-n, l.Len()-from // places from the oldest on
	before := 0                                 // older messages
	for at := range l.lists {
		if err := l.read(ctx, at, 1); err != nil {
			return nil, 0, err
		}
		for _, page := range l.lists[at] {
			size := int(page.Messages)
			if before+size > first && before < last {
				pages, skip = append(pages, page), before+size-last
			}
			before += size
		}
		if before >= last {
			break
		}
	}
	return pages, max(skip, 0), nil
}

// read reads a page list, and at once those that follow in a direction.
func (l *Listing) read(ctx context.Context, at, direction int) error {
	if l.lists[at] != nil || len(l.ids) == 0 {
		return nil
	}
	if err := l.gone[at]; err != nil {
		return err
	}
	want := func(yield func(int, error) bool) {
		for i, n := at, 0; i >= 0 && i < len(l.lists) && n < l.ahead; i, n = i+direction, n+1 {
			if l.lists[i] == nil && l.gone[i] == nil && !yield(i, nil) {
				return
			}
		}
	}
	type result struct {
		at    int
		pages []manifest.Page
	}
	for r, err := range inorder.Map(ctx, l.ahead, want, func(ctx context.Context, i int) (result, error) {
		pages, err := archive.ReadPiece(ctx, l.contents, l.ids[i], manifest.ParsePageList)
		return result{i, pages}, err
	}) {
		if err != nil {
			return fmt.Errorf("mailbox %q: page list: %w", l.mailbox.Name, err)
		}
		l.lists[r.at] = r.pages
	}
	l.ahead = min(2*l.ahead, listsAheadMost)
	return nil
}
