package backup

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// catalog reads and writes what manifests consist of: pages, lists and tables of mailboxes.
type catalog struct {
	repo    *repo.Repo
	account string
	reader  *repo.Reader
	writer  *repo.Writer

	// The tables of mailboxes. A table that did not change keeps its ID, so that a run without news stores no chunk and does
	// not read the index. This host caches the tables, so that it need not fetch them.
	parent map[string]chunk.ID // those of the parent, by content
	cached map[chunk.ID][]byte // those of the last manifest that this host wrote
	made   [][]byte            // those of the new manifest
}

// loadTables returns a function that loads tables of the parent.
func (c *catalog) loadTables(ctx context.Context) func(chunk.ID) ([]byte, error) {
	c.parent, c.cached = map[string]chunk.ID{}, c.repo.CachedChunks(c.account)
	return func(id chunk.ID) (table []byte, err error) {
		table = c.cached[id]
		if table == nil {
			table, err = c.reader.Chunk(ctx, id)
		}
		if err == nil {
			c.parent[string(table)] = id
		}
		return table, err
	}
}

// putTable returns a function that stores a table, unless the parent has it: a manifest may refer to what its parent
// refers to (docs/design/removing.md, rule 1).
func (c *catalog) putTable(ctx context.Context) func([]byte) (chunk.ID, error) {
	put := c.put(ctx)
	c.made = nil
	return func(table []byte) (chunk.ID, error) {
		c.made = append(c.made, table)
		if id, ok := c.parent[string(table)]; ok {
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

// load returns a function that fetches a chunk: a page or list of an earlier manifest.
func (c *catalog) load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return c.reader.Chunk(ctx, id) }
}

// put returns a function that stores a chunk.
func (c *catalog) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := c.writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}
