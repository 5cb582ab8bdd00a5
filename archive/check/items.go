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
func (w *manifestCheck) items(ctx context.Context) error {
	sum := manifest.ItemTotals{NewItems: w.contents.Manifest.ItemTotals.NewItems, NewBytes: w.contents.Manifest.ItemTotals.NewBytes}
	whole := true
	for source, err := range w.contents.ItemSources(ctx) {
		if err != nil {
			whole = false
			if err := w.damaged(ctx, w.where, err); err != nil {
				return err
			}
			continue
		}
		sum.Collections += uint64(len(source.Collections))
		for i := range source.Collections {
			c := &source.Collections[i]
			sum.Items, sum.Bytes = sum.Items+uint64(c.Items), sum.Bytes+uint64(c.Bytes)
			if err := w.collection(ctx, source, c); err != nil {
				return err
			}
		}
	}
	if whole && sum != w.contents.Manifest.ItemTotals {
		w.mismatch(w.where, "its totals of items are %+v, but its collections have %+v", w.contents.Manifest.ItemTotals, sum)
	}
	return nil
}

// checkedItemPage is what a check remembers of an item page.
type checkedItemPage struct {
	read         bool
	items, bytes int64
}

func (w *manifestCheck) collection(ctx context.Context, source *manifest.ItemSource, c *manifest.Collection) error {
	about := w.where
	about.Mailbox = fmt.Sprintf("%s %s", source.Kind, c.Title())
	var sum checkedItemPage
	whole := true
	unread := func(id chunk.ID) []chunk.ID {
		if _, known := w.checkedItems[id.Prefix()]; known {
			return nil
		}
		return []chunk.ID{id}
	}
	for id := range archive.PiecesAhead(ctx, w.reader, inorder.Slice(c.Pages), unread) {
		page, known := w.checkedItems[id.Prefix()]
		if !known {
			var err error
			if page, err = w.itemPage(ctx, about, id); err != nil {
				return err
			}
			w.checkedItems[id.Prefix()] = page
		}
		whole = whole && page.read
		sum.items, sum.bytes = sum.items+page.items, sum.bytes+page.bytes
	}
	if whole && (sum.items != c.Items || sum.bytes != c.Bytes) {
		w.mismatch(about, "it has %d items of %d bytes, but its pages have %d of %d", c.Items, c.Bytes, sum.items, sum.bytes)
	}
	return nil
}

// itemPage checks the items of a page, and reports each that cannot be read.
func (w *manifestCheck) itemPage(ctx context.Context, about Problem, id chunk.ID) (checkedItemPage, error) {
	items, err := archive.ReadPiece(ctx, w.contents, id, manifest.ParseItems)
	if err != nil {
		return checkedItemPage{}, w.damaged(ctx, about, fmt.Errorf("item page %s: %w", id, err))
	}
	page := checkedItemPage{read: true}
	for i := range items {
		w.report.Items++
		page.items, page.bytes = page.items+1, page.bytes+items[i].Size
		ids, err := items[i].ChunkList(w.contents.Load(ctx))
		for _, id := range ids {
			if err == nil {
				err = w.chunk(ctx, id)
			}
		}
		w.report.Chunks += int64(len(ids))
		if err == nil {
			continue
		}
		if err := w.damaged(ctx, about, fmt.Errorf("%q: %w", items[i].Name, err)); err != nil {
			return page, err
		}
	}
	return page, nil
}
