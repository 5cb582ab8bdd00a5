package rewrite

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// items writes the scripts, calendars and address books again. It leaves out what cannot be read,
// and names it among the failures. A collection that lacks an item has no sync token, so that the
// next run lists all of its items.
func (r *Rewriter) items(ctx context.Context, m *manifest.Manifest) error {
	if len(m.ItemSources) == 0 {
		return nil
	}
	var sources []manifest.ItemSource
	for source, err := range r.From.ItemSources(ctx) {
		if err != nil {
			if err := recordLoss(ctx, &r.Lost, manifest.Failure{}, err); err != nil {
				return err
			}
			continue
		}
		for i := range source.Collections {
			c := &source.Collections[i]
			whole, err := r.collection(ctx, source, c)
			if err != nil {
				return fmt.Errorf("%s %q: %w", source.Kind, c.Title(), err)
			}
			if !whole {
				source.Complete, c.Complete, c.SyncToken, c.CTag = false, false, "", ""
			}
		}
		sources = append(sources, *source)
	}
	return m.SetItemSources(sources, r.put(ctx))
}

// collection writes the items of a collection again, page by page, but for pages that Before has.
// It reports whether it wrote all.
func (r *Rewriter) collection(
	ctx context.Context, source *manifest.ItemSource, c *manifest.Collection,
) (whole bool, err error) {
	before := len(r.Lost)
	old := c.Pages
	c.Pages, c.Items, c.Bytes = nil, 0, 0
	for i, id := range old {
		made, known := r.Before.items[id]
		if !known {
			if made, err = r.itemPage(ctx, id); err != nil {
				err = fmt.Errorf("%s %q: item page %d of %d: %w", source.Kind, c.Title(), i+1, len(old), err)
				if err := recordLoss(ctx, &r.Lost, manifest.Failure{}, err); err != nil {
					return false, err
				}
				continue
			}
		}
		for _, err := range made.lost {
			reason := fmt.Sprintf("%s %q: %v", source.Kind, c.Title(), err)
			r.Lost = append(r.Lost, manifest.Failure{Reason: reason})
		}
		r.After.items[id] = made
		if made.items > 0 {
			c.Pages, c.Items, c.Bytes = append(c.Pages, made.id), c.Items+made.items, c.Bytes+made.bytes
		}
	}
	return len(r.Lost) == before, nil
}

// itemPage is what was made of an item page.
type itemPage struct {
	id           chunk.ID
	items, bytes int64
	lost         []error // items that cannot be read
}

func (r *Rewriter) itemPage(ctx context.Context, id chunk.ID) (made itemPage, err error) {
	items, err := archive.ReadPiece(ctx, r.From, id, manifest.ParseItems)
	if err != nil {
		return made, err
	}
	var left []manifest.Item
	for i := range items {
		stored, err := r.StoreItem(ctx, &items[i])
		switch {
		case err == nil:
			left = append(left, stored)
			made.items, made.bytes = made.items+1, made.bytes+stored.Size
		case ctx.Err() != nil:
			return made, context.Cause(ctx)
		case !archive.IsDamage(err):
			return made, err
		default:
			made.lost = append(made.lost, fmt.Errorf("%q: %w", items[i].Name, err))
		}
	}
	if len(left) == 0 {
		return made, nil
	}
	data, err := manifest.EncodeItems(left)
	if err == nil {
		made.id, err = r.put(ctx)(data)
	}
	return made, err
}

// matchItems adds to the map the item pages of collections of which nothing was lost: they have the
// same pages.
func (m *PageMap) matchItems(ctx context.Context, old, new *archive.Contents) error {
	made := make(map[string]*manifest.Collection)
	name := func(s *manifest.ItemSource, c *manifest.Collection) string {
		return fmt.Sprintf("%d %s %s", s.Kind, s.URL, c.Path)
	}
	for source, err := range new.ItemSources(ctx) {
		if err != nil {
			return err
		}
		for i := range source.Collections {
			made[name(source, &source.Collections[i])] = &source.Collections[i]
		}
	}
	for source, err := range old.ItemSources(ctx) {
		if err != nil {
			if !archive.IsDamage(err) {
				return err
			}
			continue
		}
		for i := range source.Collections {
			was := &source.Collections[i]
			is := made[name(source, was)]
			if is == nil || is.Items != was.Items || is.Bytes != was.Bytes || len(is.Pages) != len(was.Pages) {
				continue
			}
			for i, id := range is.Pages {
				data, err := new.Chunk(ctx, id)
				if err != nil {
					return err
				}
				items, err := manifest.ParseItems(data)
				if err != nil {
					return err
				}
				page := itemPage{id: id, items: int64(len(items))}
				for i := range items {
					page.bytes += items[i].Size
				}
				m.items[was.Pages[i]] = page
			}
		}
	}
	return nil
}

// storeItem stores those chunks of an item that do not count as stored, as storeMissing does.
func storeItem(ctx context.Context, from *archive.Contents, to *repo.Writer, item *manifest.Item) error {
	ids, err := item.ChunkList(from.Load(ctx))
	if err != nil {
		return err
	}
	if !item.List.IsZero() {
		if err := storeChunk(ctx, from, to, item.List, func([]byte) repo.Lane { return repo.LaneCatalog }); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := storeChunk(ctx, from, to, id, ingest.ItemLane); err != nil {
			return err
		}
	}
	return nil
}

// items stores the items of a page.
func (r *restocker) items(ctx context.Context, items []manifest.Item) error {
	for i := range items {
		if err := storeItem(ctx, r.from, r.to, &items[i]); err != nil {
			if err := recordLoss(ctx, &r.missing, manifest.Failure{}, fmt.Errorf("%q: %w", items[i].Name, err)); err != nil {
				return err
			}
		}
	}
	return nil
}
