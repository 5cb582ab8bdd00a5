package itemsearch

import (
	"context"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// FindAll yields each item that matches in any manifest of an account, or of all accounts, once
// with each content. It reads the manifests of an account from the newest to the oldest, and of
// each only what no newer one has. What it found comes when an account ends.
func FindAll(ctx context.Context, r *repo.Repo, account string, q Query) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		r.PrepareIndex(ctx) // it is read while manifests are
		reader := archive.NewReader(r)
		reader.Keep(repo.KeptMail)
		s := newSearch(q)
		var of *accountSearch
		for m, err := range archive.Manifests(ctx, r) {
			if err != nil {
				if !yield(nil, err) || ctx.Err() != nil {
					return
				}
				continue
			}
			if account != "" && m.Manifest.Account != account {
				continue
			}
			if of == nil || of.folder != m.Head.Account {
				if of != nil && !of.yieldHits(yield) {
					return
				}
				of = newAccountSearch(s, m.Head.Account)
			}
			for _, err := range of.manifest(ctx, reader.Contents(m.Manifest), m.Head) {
				if !yield(nil, err) || ctx.Err() != nil {
					return
				}
			}
		}
		if of != nil {
			of.yieldHits(yield)
		}
	}
}

// accountSearch is a search in the manifests of one account.
type accountSearch struct {
	*searching
	folder  string
	sources map[chunk.ID]*foundSource // that were searched
	pages   map[pageKey][]*Hit        // likewise
	items   map[itemKey]*Hit
	hits    []*Hit // in the order in which they were found
}

// foundSource is an item source, and what was found in it.
type foundSource struct {
	hits []*Hit
	errs []error
}

type pageKey struct {
	kind manifest.SourceKind
	path string
	page chunk.ID
}

type itemKey struct {
	kind                manifest.SourceKind
	path, name, content string
}

func newAccountSearch(s *searching, folder string) *accountSearch {
	return &accountSearch{
		searching: s, folder: folder, sources: make(map[chunk.ID]*foundSource), pages: make(map[pageKey][]*Hit), items: make(map[itemKey]*Hit),
	}
}

// manifest searches a manifest that is older than those before.
func (a *accountSearch) manifest(ctx context.Context, c *archive.Contents, head repo.Head) (errs []error) {
	for _, id := range c.Manifest.ItemSources {
		found := a.sources[id]
		if found == nil {
			found = a.source(ctx, c, id, head)
			a.sources[id] = found
			errs = append(errs, found.errs...)
		}
		for _, hit := range found.hits {
			hit.First = head
		}
	}
	return errs
}

// source searches a source that no newer manifest has.
func (a *accountSearch) source(ctx context.Context, c *archive.Contents, id chunk.ID, head repo.Head) *foundSource {
	found := new(foundSource)
	data, err := c.Chunk(ctx, id)
	var source *manifest.ItemSource
	if err == nil {
		source, err = manifest.ParseItemSource(data)
	}
	if err != nil {
		found.errs = []error{err}
		return found
	}
	for i := range source.Collections {
		of := &source.Collections[i]
		var fresh []chunk.ID // pages that no newer manifest has
		for _, page := range of.Pages {
			if _, known := a.pages[pageKey{source.Kind, of.Path, page}]; !known {
				fresh = append(fresh, page)
			}
		}
		for pages := range slices.Chunk(fresh, ahead) {
			a.prefetch(ctx, c, pages)
			for _, page := range pages {
				hits, errs := a.page(ctx, c, source, of, page)
				a.pages[pageKey{source.Kind, of.Path, page}] = a.merge(hits, head)
				found.errs = append(found.errs, errs...)
			}
		}
		for _, page := range of.Pages {
			found.hits = append(found.hits, a.pages[pageKey{source.Kind, of.Path, page}]...)
		}
	}
	return found
}

// merge returns the hits that newer manifests have with the same contents in place of those of an
// older one, and adds the others.
func (a *accountSearch) merge(hits []*Hit, head repo.Head) []*Hit {
	for i, hit := range hits {
		key := itemKey{hit.Source.Kind, hit.Collection.Path, hit.Item.Name, contentOf(hit.Item)}
		if newer := a.items[key]; newer != nil {
			hits[i] = newer
			continue
		}
		hit.Last = head
		a.items[key], a.hits = hit, append(a.hits, hit)
	}
	return hits
}

func (a *accountSearch) yieldHits(yield func(*Hit, error) bool) bool {
	for _, hit := range a.hits {
		if !yield(hit, nil) {
			return false
		}
	}
	return true
}
