package diff

import (
	"context"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// unsharedPages has the pages of each mailbox of a pair that the other does not have at the same
// place, and the page lists in which they are.
type unsharedPages struct {
	pair
	lists [2][]chunk.ID      // before and after
	pages [2][]manifest.Page // before and after
	err   error              // why they cannot be listed
}

// readAhead yields the pairs with their pages. Before, it fetches the list groups, page lists and
// pages of many pairs at once. It reads none of these that both mailboxes of a pair have.
func readAhead(ctx context.Context, c [2]*archive.Contents, pairs []pair) iter.Seq2[*unsharedPages, error] {
	chunks := c[1].Chunks() // of both: Compare made them share one
	all := func(yield func(*unsharedPages, error) bool) {
		for _, p := range pairs {
			if !p.relabeled() && !yield(&unsharedPages{pair: p}, nil) {
				return
			}
		}
	}
	groups := func(p *unsharedPages) []chunk.ID {
		return slices.Concat(groupsBeyond(p.before, p.after), groupsBeyond(p.after, p.before))
	}
	grouped := then(archive.PiecesAhead(ctx, chunks, all, groups), func(p *unsharedPages) error {
		return p.readLists(ctx, c)
	})
	lists := func(p *unsharedPages) []chunk.ID { return slices.Concat(p.lists[0], p.lists[1]) }
	listed := then(archive.PiecesAhead(ctx, chunks, grouped, lists), func(p *unsharedPages) error {
		return p.readPages(ctx, c)
	})
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

// then yields the pairs after a step with each. A pair whose step fails takes no further ones.
func then(pairs iter.Seq2[*unsharedPages, error], step func(*unsharedPages) error) iter.Seq2[*unsharedPages, error] {
	return func(yield func(*unsharedPages, error) bool) {
		for p, err := range pairs {
			if err == nil && p.err == nil {
				p.err = step(p)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// readLists sets the lists that only one of the mailboxes has. It does not read groups that both
// have.
func (p *unsharedPages) readLists(ctx context.Context, c [2]*archive.Contents) error {
	before, err := listsBeyond(ctx, c[0], p.before, p.after)
	if err != nil {
		return err
	}
	after, err := listsBeyond(ctx, c[1], p.after, p.before)
	if err != nil {
		return err
	}
	p.lists = [2][]chunk.ID{beyond(before, after), beyond(after, before)}
	return nil
}

// readPages sets the pages that only one of the mailboxes has.
func (p *unsharedPages) readPages(ctx context.Context, c [2]*archive.Contents) error {
	before, err := pagesIn(ctx, c[0], p.before, p.lists[0])
	if err != nil {
		return err
	}
	after, err := pagesIn(ctx, c[1], p.after, p.lists[1])
	if err != nil {
		return err
	}
	p.pages = [2][]manifest.Page{withoutShared(before, after), withoutShared(after, before)}
	return nil
}

// pagesIn reads the page rows of a mailbox that are in the mailbox itself and in some of its lists.
// The mailbox may be nil.
func pagesIn(ctx context.Context, c *archive.Contents, m *manifest.Mailbox, lists []chunk.ID) ([]manifest.Page, error) {
	if m == nil {
		return nil, nil
	}
	some := *m
	some.Lists, some.Groups = lists, nil
	var pages []manifest.Page
	for page, err := range c.Pages(ctx, &some) {
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// listsBeyond returns the page lists of a mailbox, except for those in groups that another has too.
// Either may be nil.
func listsBeyond(ctx context.Context, c *archive.Contents, m, other *manifest.Mailbox) ([]chunk.ID, error) {
	if m == nil {
		return nil, nil
	}
	some := *m
	some.Groups = groupsBeyond(m, other)
	var lists []chunk.ID
	for id, err := range c.Lists(ctx, &some) {
		if err != nil {
			return nil, err
		}
		lists = append(lists, id)
	}
	return lists, nil
}

// groupsBeyond returns the list groups of a mailbox that another does not have. Either may be nil.
func groupsBeyond(m, other *manifest.Mailbox) []chunk.ID {
	switch {
	case m == nil:
		return nil
	case other == nil:
		return m.Groups
	}
	return beyond(m.Groups, other.Groups)
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
