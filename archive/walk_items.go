package archive

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/manifest"
)

// itemSources reads the item sources and item pages that are wanted.
func (w *Walk) itemSources(ctx context.Context) error {
	if w.Items == nil {
		return nil
	}
	for i, id := range w.Contents.Manifest.ItemSources {
		p := Piece{Kind: ItemSource, ID: id, Mailbox: &manifest.Mailbox{}, Place: uint32(i)}
		parse := func(b []byte) ([]*manifest.ItemSource, error) {
			source, err := manifest.ParseItemSource(b)
			return []*manifest.ItemSource{source}, err
		}
		follow := func(s []*manifest.ItemSource) error { return w.collections(ctx, s[0]) }
		if err := followPiece(ctx, w, p, parse, follow); err != nil {
			return err
		}
	}
	return nil
}

// collections reads the pages of all collections of a source that are wanted.
func (w *Walk) collections(ctx context.Context, s *manifest.ItemSource) error {
	for i := range s.Collections {
		if err := w.itemPages(ctx, &s.Collections[i], s.URL+" "+s.Collections[i].Path); err != nil {
			return fmt.Errorf("%s %q: %w", s.Kind, s.Collections[i].Title(), err)
		}
	}
	return nil
}

// itemPages reads the pages of a collection that are wanted. It fetches several at once.
func (w *Walk) itemPages(ctx context.Context, c *manifest.Collection, name string) error {
	wanted := func(yield func(Piece, error) bool) {
		for place, id := range c.Pages {
			p := Piece{Kind: ItemPage, ID: id, Mailbox: &manifest.Mailbox{}, Place: uint32(place), Collection: name}
			if wants, err := w.Wants(p); (wants || err != nil) && !yield(p, err) {
				return
			}
		}
	}
	for p, err := range PiecesAhead(ctx, w.Contents.chunks, wanted, w.Ahead.unfetched) {
		if err == nil {
			err = walkPiece(ctx, w, p, manifest.ParseItems, func(items []manifest.Item) error { return w.Items(p, items) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
