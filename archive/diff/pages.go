package diff

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// unsharedPages has the pages of each mailbox of a pair that the other does not have at the same
// place.
type unsharedPages struct {
	pair
	pages [2][]manifest.Page // before and after
	err   error              // why they cannot be listed
}

// readAhead yields the pairs with their pages. Before, it fetches the page lists and pages of many
// pairs at once. It reads neither lists nor pages that both mailboxes of a pair have.
func readAhead(ctx context.Context, c [2]*archive.Contents, pairs []pair) iter.Seq2[*unsharedPages, error] {
	chunks := c[1].Chunks() // of both: Compare made them share one
	all := func(yield func(*unsharedPages, error) bool) {
		for _, p := range pairs {
			if !p.relabeled() && !yield(&unsharedPages{pair: p}, nil) {
				return
			}
		}
	}
	lists := func(p *unsharedPages) []chunk.ID {
		return append(listsBeyond(p.before, p.after), listsBeyond(p.after, p.before)...)
	}
	listed := func(yield func(*unsharedPages, error) bool) {
		for p, err := range archive.PiecesAhead(ctx, chunks, all, lists) {
			if err == nil {
				p.pages[0], p.pages[1], p.err = unshared(ctx, c, p.pair)
			}
			if !yield(p, err) {
				return
			}
		}
	}
	pages := func(p *unsharedPages) (ids []chunk.ID) {
		for _, side := range p.pages {
			for _, page := range side {
				ids = append(ids, page.Records, page.Flags)
			}
		}
		return ids
	}
	return archive.PiecesAhead(ctx, chunks, listed, pages)
}

// unshared returns the pages of each mailbox that the other does not have at the same place. It
// does not read page lists that both have.
func unshared(ctx context.Context, c [2]*archive.Contents, p pair) (before, after []manifest.Page, err error) {
	if before, err = pagesBeyond(ctx, c[0], p.before, p.after); err != nil {
		return nil, nil, err
	}
	if after, err = pagesBeyond(ctx, c[1], p.after, p.before); err != nil {
		return nil, nil, err
	}
	before, after = withoutShared(before, after), withoutShared(after, before)
	return before, after, nil
}

// pagesBeyond reads the page rows of a mailbox, except for the lists that another mailbox has too.
func pagesBeyond(ctx context.Context, c *archive.Contents, m, other *manifest.Mailbox) ([]manifest.Page, error) {
	if m == nil {
		return nil, nil
	}
	rest := *m
	rest.Lists = listsBeyond(m, other)
	var pages []manifest.Page
	for page, err := range c.Pages(ctx, &rest) {
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// listsBeyond returns the page lists of a mailbox that another does not have. Either may be nil.
func listsBeyond(m, other *manifest.Mailbox) []chunk.ID {
	if m == nil {
		return nil
	}
	if other == nil {
		return beyond(m.Lists, nil)
	}
	return beyond(m.Lists, other.Lists)
}

// beyond returns the IDs that are not among others.
func beyond(ids, others []chunk.ID) []chunk.ID {
	shared := make(map[chunk.ID]bool, len(others))
	for _, id := range others {
		shared[id] = true
	}
	var left []chunk.ID
	for _, id := range ids {
		if !shared[id] {
			left = append(left, id)
		}
	}
	return left
}

// withoutShared returns the pages that the other list does not have. Both lists ascend.
func withoutShared(pages, other []manifest.Page) []manifest.Page {
	var left []manifest.Page
	for _, page := range pages {
		for len(other) > 0 && other[0].Start < page.Start {
			other = other[1:]
		}
		if len(other) == 0 || other[0] != page {
			left = append(left, page)
		}
	}
	return left
}
