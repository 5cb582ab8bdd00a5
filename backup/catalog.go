package backup

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// catalog reads and writes what manifests consist of: pages, lists and tables of mailboxes.
type catalog struct {
	repo    *repo.Repo
	account string
	reader  *repo.Reader
	writer  *repo.Writer

	// The tables of mailboxes. A table that did not change keeps its ID, so that a run without news
	// stores no chunk and does not read the index. This host caches the tables, so that it need not
	// fetch them.
	mu     sync.Mutex          // of parent: scripts and the like are read beside the mail
	parent map[string]chunk.ID // those of the parent, by content
	cached map[chunk.ID][]byte // those of the last manifest that this host wrote
	made   [][]byte            // those of the new manifest
}

// loadTables returns a function that loads tables of the parent.
func (c *catalog) loadTables(ctx context.Context) func(chunk.ID) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parent == nil {
		c.parent, c.cached = map[string]chunk.ID{}, c.repo.CachedChunks(c.account)
	}
	cached := c.cached
	return func(id chunk.ID) (table []byte, err error) {
		table = cached[id]
		if table == nil {
			table, err = c.reader.Chunk(ctx, id)
		}
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.parent[string(table)] = id
		}
		return table, err
	}
}

// putTable returns a function that stores a table, unless the parent has it: a manifest may refer
// to what its parent refers to (docs/design/removing.md, rule 1).
func (c *catalog) putTable(ctx context.Context) func([]byte) (chunk.ID, error) {
	put := c.put(ctx)
	c.made = nil
	return func(table []byte) (chunk.ID, error) {
		c.made = append(c.made, table)
		c.mu.Lock()
		id, ok := c.parent[string(table)]
		c.mu.Unlock()
		if ok {
			return id, nil
		}
		return put(table)
	}
}

// cacheTables caches the tables of the committed manifest on this host.
func (c *catalog) cacheTables() {
	changed := len(c.made) != len(c.cached)
	for _, table := range c.made {
		id, ok := c.parent[string(table)]
		changed = changed || !ok || c.cached[id] == nil
	}
	if changed {
		c.repo.CacheChunks(c.account, c.made)
	}
}

// putServer puts what the server says about itself into a chunk, so that a night without news costs
// an ID and not some 400 bytes. It stays in the manifest if it is not as in the parent, because
// some servers report something else in each session, and then each night would need a pack and an
// index segment. For the same reason it stays there until a run has news.
func (c *catalog) putServer(ctx context.Context, m *manifest.Manifest, parent *base) error {
	part, err := manifest.EncodeServer(m.Server)
	if err != nil || len(part) < minServerPart {
		return nil // it is encoded again, and refused then, with the manifest
	}
	switch {
	case parent == nil:
		return m.SetServerPart(c.put(ctx))
	case !parent.ServerPart.IsZero():
		if id := c.repo.ChunkID(part); id == parent.ServerPart {
			m.NameServerPart(id)
		}
	case m.Totals.NewMessages > 0:
		if before, err := manifest.EncodeServer(parent.Server); err == nil && bytes.Equal(before, part) {
			return m.SetServerPart(c.put(ctx))
		}
	}
	return nil
}

// serverOf returns what an earlier manifest says about the server, whose answer of today is now. If
// it cannot be read, the result is empty.
func (c *catalog) serverOf(ctx context.Context, m *manifest.Manifest, now mail.Server) (mail.Server, error) {
	if part, err := manifest.EncodeServer(now); err == nil && c.repo.ChunkID(part) == m.ServerPart {
		return now, nil
	}
	server, err := m.AllServer(c.load(ctx))
	return server, archive.UnlessDamage(err)
}

// minServerPart is how many bytes are worth a chunk of their own.
const minServerPart = 128

// load returns a function that fetches a chunk: a page, list or group of an earlier manifest.
func (c *catalog) load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return c.reader.Chunk(ctx, id) }
}

// changingPages is how many pages at the end of a mailbox new messages usually change: the last
// one, and one with which it is merged.
const changingPages = 2

// readAhead fetches what an update of the mailboxes needs of the parent: all of their list groups
// together, then all of their lists, and then the last pages of all. An error has no effect: it
// comes again when a chunk is loaded.
func (c *catalog) readAhead(ctx context.Context, mailboxes []*manifest.Mailbox) {
	var groups []chunk.ID
	for _, m := range mailboxes {
		groups = append(groups, m.Groups...)
	}
	if c.prefetch(ctx, groups) != nil {
		return
	}
	lists := make([][]chunk.ID, len(mailboxes))
	for i, m := range mailboxes {
		var err error
		if lists[i], err = m.AllLists(c.load(ctx)); err != nil {
			return
		}
	}
	if c.prefetch(ctx, slices.Concat(lists...)) != nil {
		return
	}
	var changing []manifest.Page
	for i, m := range mailboxes {
		last := m.Pages
		if n := len(lists[i]); n > 0 {
			list, err := c.reader.Chunk(ctx, lists[i][n-1])
			if err != nil {
				return
			}
			last, _ = manifest.ParsePageList(list)
		}
		changing = append(changing, last[max(0, len(last)-changingPages):]...)
	}
	c.readPages(ctx, changing)
}

// pages returns how package compare reads what is recorded.
func (c *catalog) pages(ctx context.Context) compare.Catalog {
	return compare.Catalog{Load: c.load(ctx), Ahead: func(pages []manifest.Page) { c.readPages(ctx, pages) }}
}

// readPages fetches pages together, as far as the cache of the reader holds them.
func (c *catalog) readPages(ctx context.Context, pages []manifest.Page) {
	ids := make([]chunk.ID, 0, 2*len(pages))
	for _, page := range pages {
		ids = append(ids, page.Records, page.Flags)
	}
	_ = c.prefetch(ctx, ids) // an error comes again when a page is loaded
}

// prefetch fetches chunks into the cache of the reader.
func (c *catalog) prefetch(ctx context.Context, ids []chunk.ID) error {
	if len(ids) == 0 {
		return nil
	}
	places, err := c.repo.Locate(ctx, ids)
	if err != nil {
		return err
	}
	frames := make([]repo.Frame, len(places))
	for i := range places {
		frames[i] = places[i].Frame
	}
	_, err = c.reader.Prefetch(ctx, frames)
	return err
}

// put returns a function that stores a chunk.
func (c *catalog) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := c.writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}
