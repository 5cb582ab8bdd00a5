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
	tables  tables
}

// tables are the tables of mailboxes in the parent and in the new manifest. A table that did not change keeps its ID,
// so that a run without news stores no chunk and does not read the index. This host caches the tables, so that it
// need not fetch them.
type tables struct {
	parent map[string]chunk.ID // by content
	kept   map[chunk.ID][]byte // cached by this host, from the last manifest that it wrote
	made   [][]byte
}

// loadTables returns a function that loads tables of the parent.
func (c *catalog) loadTables(ctx context.Context) func(chunk.ID) ([]byte, error) {
	c.tables.parent, c.tables.kept = map[string]chunk.ID{}, c.repo.CachedChunks(c.account)
	return func(id chunk.ID) (table []byte, err error) {
		table = c.tables.kept[id]
		if table == nil {
			table, err = c.reader.Chunk(ctx, id)
		}
		if err == nil {
			c.tables.parent[string(table)] = id
		}
		return table, err
	}
}

// putTable returns a function that stores a table, unless the parent has it: a manifest may refer to what its parent
// refers to (docs/design/removing.md, rule 1).
func (c *catalog) putTable(ctx context.Context) func([]byte) (chunk.ID, error) {
	put := c.put(ctx)
	c.tables.made = nil
	return func(table []byte) (chunk.ID, error) {
		c.tables.made = append(c.tables.made, table)
		if id, ok := c.tables.parent[string(table)]; ok {
			return id, nil
		}
		return put(table)
	}
}

// cacheTables caches the tables of the committed manifest on this host.
func (c *catalog) cacheTables() {
	t := &c.tables
	changed := len(t.made) != len(t.kept)
	for _, table := range t.made {
		id, ok := t.parent[string(table)]
		changed = changed || !ok || t.kept[id] == nil
	}
	if changed {
		c.repo.CacheChunks(c.account, t.made)
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
