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
		c := &s.Collections[i]
		for place := range c.Pages {
			page := Piece{
				Kind: ItemPage, ID: c.Pages[place], Mailbox: &manifest.Mailbox{}, Place: uint32(place), Collection: s.URL + " " + c.Path,
			}
			if place%aheadItemPages == 0 {
				w.Contents.PrefetchChunks(ctx, c.Pages[place:min(place+aheadItemPages, len(c.Pages))])
			}
			follow := func(items []manifest.Item) error { return w.Items(page, items) }
			if err := followPiece(ctx, w, page, manifest.ParseItems, follow); err != nil {
				return fmt.Errorf("%s %q: %w", s.Kind, c.Title(), err)
			}
		}
	}
	return nil
}

// aheadItemPages is how many item pages are fetched together.
const aheadItemPages = 256
