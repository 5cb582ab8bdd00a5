// Package itemsearch finds scripts, events and contacts by their names, in one manifest or in all.
//
// A name is that of the file, or what people call the item (collection.Summary). Items have no
// index: each distinct content is read once, which for 5,000 events is 2 MB. Nights without news
// cost nothing, because their sources are the same chunks (all.go).
package itemsearch

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Query says which items are found.
type Query struct {
	Words         []string  // each must be in the name, in any case, with or without accents; none: all items match
	Since, Before time.Time // of the day on which an event begins; both zero: any day, and also items without one
}

// Hit is an item that was found, as it is in the newest manifest that has it.
type Hit struct {
	Account     string
	Source      *manifest.ItemSource
	Collection  *manifest.Collection
	Item        *manifest.Item
	Summary     collection.Summary
	First, Last repo.Head // the oldest and the newest manifest that have it with this content
}

// matches reports whether an item is found.
func (q *Query) matches(name string, s collection.Summary) bool {
	if decoded, err := url.PathUnescape(name); err == nil {
		name += "\n" + decoded
	}
	for _, word := range q.Words {
		if !contains(name+"\n"+s.Name, word) {
			return false
		}
	}
	where := q.Since.Location()
	switch {
	case !q.Before.IsZero():
		where = q.Before.Location()
	case q.Since.IsZero():
		return true
	}
	day := s.Day()
	if !day.IsZero() {
		day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, where)
	}
	return !day.IsZero() && !day.Before(q.Since) && (q.Before.IsZero() || day.Before(q.Before))
}

// contains reports whether a text has another, in any case, or its words, also without their
// accents.
func contains(text, part string) bool {
	folded := strings.Join(words.Split(part), " ")
	return search.NameContains(text, part) ||
		folded != "" && strings.Contains(strings.Join(words.Split(text), " "), folded)
}

// Find yields the items of a manifest that match, by source, collection and name. After an error
// that is damage, others follow.
func Find(ctx context.Context, c *archive.Contents, q Query) iter.Seq2[*Hit, error] {
	s := newSearch(q)
	return func(yield func(*Hit, error) bool) {
		for source, err := range c.ItemSources(ctx) {
			if err != nil {
				if !yield(nil, err) || ctx.Err() != nil {
					return
				}
				continue
			}
			for i := range source.Collections {
				if !s.find(ctx, c, source, &source.Collections[i], yield) {
					return
				}
			}
		}
	}
}

// find yields the items of a collection that match. It reports whether there may be more of other
// collections.
func (s *searching) find(
	ctx context.Context, c *archive.Contents, source *manifest.ItemSource, of *manifest.Collection, yield func(*Hit, error) bool,
) bool {
	for pages := range slices.Chunk(of.Pages, ahead) {
		s.prefetch(ctx, c, pages)
		for _, page := range pages {
			hits, errs := s.page(ctx, c, source, of, page)
			for _, hit := range hits {
				hit.First, hit.Last = c.Head, c.Head
				if !yield(hit, nil) {
					return false
				}
			}
			for _, err := range errs {
				if !yield(nil, err) || ctx.Err() != nil {
					return false
				}
			}
		}
	}
	return true
}

// searching is a search in the manifests of a repository.
type searching struct {
	Query
	summaries map[string]collection.Summary // by content
}

func newSearch(q Query) *searching {
	return &searching{Query: q, summaries: make(map[string]collection.Summary)}
}

// page searches a page of items. It returns what it found also with errors.
func (s *searching) page(
	ctx context.Context, c *archive.Contents, source *manifest.ItemSource, of *manifest.Collection, page chunk.ID,
) (hits []*Hit, errs []error) {
	items, err := archive.ReadPiece(ctx, c, page, manifest.ParseItems)
	if err != nil {
		return nil, []error{fmt.Errorf("%s %q: %w", source.Kind, of.Title(), err)}
	}
	for i := range items {
		it := &items[i]
		summary, err := s.summary(ctx, c, source.Kind, it)
		switch {
		case ctx.Err() != nil:
			return hits, append(errs, context.Cause(ctx))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s %q, %q: %w", source.Kind, of.Title(), it.Name, err))
		case s.matches(it.Name, summary):
			hits = append(hits, &Hit{
				Account: c.Manifest.Account, Source: source, Collection: of, Item: it, Summary: summary,
			})
		}
	}
	return hits, errs
}

// ahead is how many pages are fetched together with their contents: some 2,000 items.
const ahead = 64

// prefetch fetches pages together, and then the contents of their items.
func (s *searching) prefetch(ctx context.Context, c *archive.Contents, pages []chunk.ID) {
	c.PrefetchChunks(ctx, pages)
	var ids []chunk.ID
	for _, page := range pages {
		items, _ := archive.ReadPiece(ctx, c, page, manifest.ParseItems) // page reports errors
		for i := range items {
			if _, known := s.summaries[contentOf(&items[i])]; !known && len(items[i].Chunks) > 0 {
				ids = append(ids, items[i].Chunks[0])
			}
		}
	}
	c.PrefetchChunks(ctx, ids)
}

// summary returns the summary of an item. It reads each content once.
func (s *searching) summary(
	ctx context.Context, c *archive.Contents, kind manifest.SourceKind, it *manifest.Item,
) (collection.Summary, error) {
	if kind == manifest.Sieve {
		return collection.Summary{}, nil
	}
	content := contentOf(it)
	if found, known := s.summaries[content]; known {
		return found, nil
	}
	text, err := c.ItemContent(ctx, it)
	if err != nil {
		return collection.Summary{}, err
	}
	found := collection.Summarize(collection.Kind(kind), text)
	s.summaries[content] = found
	return found, nil
}

// contentOf identifies the content of an item within a repository.
func contentOf(it *manifest.Item) string {
	id := append([]byte(nil), it.List[:]...)
	for _, c := range it.Chunks {
		id = append(id, c[:]...)
	}
	return string(id)
}
