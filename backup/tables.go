package backup

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
)

// tables are the mailbox tables of an account: those of the parent, and those of the new manifest. A table that did not change
// keeps its ID. So a night without news puts no chunk and does not read the index. This host keeps the tables, so it does not
// fetch them either.
type tables struct {
	parent map[string]chunk.ID // by content
	kept   map[chunk.ID][]byte // by this host, of the last manifest that it made
	made   [][]byte
}

// loadTables reads the tables of the parent.
func (w *walk) loadTables(ctx context.Context) func(chunk.ID) ([]byte, error) {
	w.tables.parent, w.tables.kept = map[string]chunk.ID{}, w.repo.CachedChunks(w.account.Name)
	return func(id chunk.ID) (table []byte, err error) {
		table = w.tables.kept[id]
		if table == nil {
			table, err = w.reader.Chunk(ctx, id)
		}
		if err == nil {
			w.tables.parent[string(table)] = id
		}
		return table, err
	}
}

// putTable stores a table, unless the parent has it: a manifest may name what its parent names (docs/design/removing.md,
// rule 1).
func (w *walk) putTable(ctx context.Context) func([]byte) (chunk.ID, error) {
	put := w.put(ctx)
	w.tables.made = nil
	return func(table []byte) (chunk.ID, error) {
		w.tables.made = append(w.tables.made, table)
		if id, ok := w.tables.parent[string(table)]; ok {
			return id, nil
		}
		return put(table)
	}
}

// keepTables keeps the tables of the committed manifest on this host.
func (w *walk) keepTables() {
	t := &w.tables
	changed := len(t.made) != len(t.kept)
	for _, table := range t.made {
		id, ok := t.parent[string(table)]
		changed = changed || !ok || t.kept[id] == nil
	}
	if changed {
		w.repo.CacheChunks(w.account.Name, t.made)
	}
}
