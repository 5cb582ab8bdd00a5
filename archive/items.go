package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/mailstrata/mailstrata/manifest"
)

// ItemSources reads the sources of scripts, calendars and address books of the manifest. After an
// error, the others of them follow.
func (c *Contents) ItemSources(ctx context.Context) iter.Seq2[*manifest.ItemSource, error] {
	return func(yield func(*manifest.ItemSource, error) bool) {
		c.PrefetchChunks(ctx, c.Manifest.ItemSources)
		for i, id := range c.Manifest.ItemSources {
			data, err := c.chunks.Chunk(ctx, id)
			var source *manifest.ItemSource
			if err == nil {
				source, err = manifest.ParseItemSource(data)
			}
			if err != nil {
				source, err = nil, fmt.Errorf("item source %d of %d: %w", i+1, len(c.Manifest.ItemSources), err)
			}
			if !yield(source, err) {
				return
			}
		}
	}
}

// Items yields the items of a collection, ascending by name. It fetches pages ahead. After an
// error, the items of the other pages follow.
func (c *Contents) Items(ctx context.Context, of *manifest.Collection) iter.Seq2[*manifest.Item, error] {
	return func(yield func(*manifest.Item, error) bool) {
		n := 0
		for id := range c.pieces(ctx, of.Pages) {
			n++
			items, err := ReadPiece(ctx, c, id, manifest.ParseItems)
			if err != nil && !yield(nil, fmt.Errorf("%q: item page %d of %d: %w", of.Title(), n, len(of.Pages), err)) {
				return
			}
			for i := range items {
				if !yield(&items[i], nil) {
					return
				}
			}
		}
	}
}

// ItemContent returns the bytes of an item. Its chunks are proved by their IDs, and these by the ID
// of the page.
func (c *Contents) ItemContent(ctx context.Context, item *manifest.Item) ([]byte, error) {
	var content bytes.Buffer
	if err := c.Item(item).WriteTo(ctx, &content); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}

// Item returns the bytes of an item as a Body.
func (c *Contents) Item(item *manifest.Item) Body { return &itemBody{c, item} }

type itemBody struct {
	contents *Contents
	item     *manifest.Item
}

// WriteTo implements Body.
func (b *itemBody) WriteTo(ctx context.Context, w io.Writer) error {
	ids, err := b.item.ChunkList(b.contents.Load(ctx))
	if err != nil {
		return &ReadError{Err: err}
	}
	if len(ids) > 1 {
		b.contents.PrefetchChunks(ctx, ids)
	}
	var size int64
	for _, id := range ids {
		data, err := b.contents.Chunk(ctx, id)
		if err != nil {
			return &ReadError{Err: err}
		}
		size += int64(len(data))
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if size != b.item.Size {
		return &ReadError{Err: fmt.Errorf("%w: item %q has %d bytes, its chunks have %d",
			manifest.ErrMalformed, b.item.Name, b.item.Size, size)}
	}
	return nil
}

// Verify implements Body.
func (b *itemBody) Verify(ctx context.Context) error { return b.WriteTo(ctx, io.Discard) }
