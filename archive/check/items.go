package check

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
)

// items checks that the scripts, calendars and address books of a manifest can be read. What
// several manifests share is checked once.
func (c *manifestCheck) items(ctx context.Context) error {
	sum := manifest.ItemTotals{
		NewItems: c.contents.Manifest.ItemTotals.NewItems, NewBytes: c.contents.Manifest.ItemTotals.NewBytes,
	}
	whole := true
	for source, err := range c.contents.ItemSources(ctx) {
		if err != nil {
			whole = false
			if err := c.damaged(ctx, c.where, err); err != nil {
				return err
			}
			continue
		}
		sum.Collections += uint64(len(source.Collections))
		for i := range source.Collections {
			collection := &source.Collections[i]
			sum.Items, sum.Bytes = sum.Items+uint64(collection.Items), sum.Bytes+uint64(collection.Bytes)
			if err := c.collection(ctx, source, collection); err != nil {
				return err
			}
		}
	}
	if whole && sum != c.contents.Manifest.ItemTotals {
		c.mismatch(c.where, "its totals of items are %+v, but its collections have %+v",
			c.contents.Manifest.ItemTotals, sum)
	}
	return nil
}

// checkedItemPage is what a check remembers of an item page.
type checkedItemPage struct {
	read         bool
	items, bytes int64
}

func (c *manifestCheck) collection(ctx context.Context, source *manifest.ItemSource, of *manifest.Collection) error {
	about := c.where
	about.Mailbox = fmt.Sprintf("%s %s", source.Kind, of.Title())
	var sum checkedItemPage
	whole := true
	unread := func(id chunk.ID) []chunk.ID {
		if _, known := c.checkedItems[id.Prefix()]; known {
			return nil
		}
		return []chunk.ID{id}
	}
	for id := range archive.PiecesAhead(ctx, c.reader, inorder.Slice(of.Pages), unread) {
		page, known := c.checkedItems[id.Prefix()]
		if !known {
			var err error
			if page, err = c.itemPage(ctx, about, id); err != nil {
				return err
			}
			c.checkedItems[id.Prefix()] = page
		}
		whole = whole && page.read
		sum.items, sum.bytes = sum.items+page.items, sum.bytes+page.bytes
	}
	if whole && (sum.items != of.Items || sum.bytes != of.Bytes) {
		c.mismatch(about, "it has %d items of %d bytes, but its pages have %d of %d",
			of.Items, of.Bytes, sum.items, sum.bytes)
	}
	return nil
}

// itemPage checks the items of a page, and reports each that cannot be read.
func (c *manifestCheck) itemPage(ctx context.Context, about Problem, id chunk.ID) (checkedItemPage, error) {
	items, err := archive.ReadPiece(ctx, c.contents, id, manifest.ParseItems)
	if err != nil {
		return checkedItemPage{}, c.damaged(ctx, about, fmt.Errorf("item page %s: %w", id, err))
	}
	page := checkedItemPage{read: true}
	for i := range items {
		c.report.Items++
		page.items, page.bytes = page.items+1, page.bytes+items[i].Size
		ids, err := items[i].ChunkList(c.contents.Load(ctx))
		for _, id := range ids {
			if err == nil {
				err = c.chunk(ctx, id)
			}
		}
		c.report.Chunks += int64(len(ids))
		if err == nil {
			continue
		}
		if err := c.damaged(ctx, about, fmt.Errorf("%q: %w", items[i].Name, err)); err != nil {
			return page, err
		}
	}
	return page, nil
}
