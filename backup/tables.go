package backup

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
)

// tables are the mailbox tables of an account: those of the parent, and those of the manifest that is made. One that did
// not change keeps its ID. So on a night without news no chunk is put, and the index is not read; and as this host keeps
// them, none is fetched.
type tables struct {
	parent map[string]chunk.ID // by content
	kept   map[chunk.ID][]byte // by this host, of the manifest that it made last
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

// putTable stores a table, unless the parent has it: what the parent names may be named again (design, "Removing, without
// locks", rule 1).
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

// keepTables keeps the tables of the manifest that was committed on this host.
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
