package fulltext

import (
	"bytes"
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/mailstrata/mailstrata/chunk"
)

// Pair is a value that a caller keeps in the index under a key.
type Pair struct{ Key, Value []byte }

// State returns the pairs whose keys begin with a prefix, in the order of their keys.
func (x *Index) State(ctx context.Context, prefix []byte) (all []Pair, err error) {
	err = x.read(func(d *database) (err error) {
		all, err = d.state(ctx, prefix)
		return err
	})
	return all, err
}

// Keys returns the first keys that begin with a prefix, without the prefix, in their order: at most
// n.
func (x *Index) Keys(ctx context.Context, prefix []byte, n int) (all [][]byte, err error) {
	err = x.read(func(d *database) error {
		all = nil
		if d.conn == nil || n == 0 {
			return nil
		}
		return d.run(ctx, "SELECT key FROM state WHERE key>=? ORDER BY key", func(s *sqlite3.Stmt) bool {
			key, ok := bytes.CutPrefix(s.ColumnRawBlob(0), prefix)
			if ok {
				all = append(all, bytes.Clone(key))
			}
			return ok && len(all) < n
		}, prefix)
	})
	return all, err
}

// BeginLength is the length of the beginning of a hash that Hashes takes.
const BeginLength = 8

// Hashes returns the hashes of messages by their beginnings, of messages that the index has.
func (x *Index) Hashes(ctx context.Context, begins [][]byte) (all []chunk.ID, err error) {
	err = x.read(func(d *database) error {
		all = nil
		for _, begin := range begins {
			if d.conn == nil {
				return nil
			}
			if err := d.run(ctx, "SELECT hash FROM message WHERE substr(hash, 1, 8)=?", func(s *sqlite3.Stmt) bool {
				var hash chunk.ID
				copy(hash[:], s.ColumnRawBlob(0))
				all = append(all, hash)
				return true
			}, begin); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// Messages returns the messages that the index has of some, in no certain order.
func (x *Index) Messages(ctx context.Context, hashes []chunk.ID) (all []Hit, err error) {
	err = x.read(func(d *database) error {
		all = nil
		for i := range hashes {
			row, err := d.find(ctx, &hashes[i])
			if err != nil {
				return err
			}
			if row.found {
				all = append(all, row.Hit)
			}
		}
		return nil
	})
	return all, err
}

func (d *database) state(ctx context.Context, prefix []byte) (all []Pair, err error) {
	if d.conn == nil {
		return nil, nil
	}
	err = d.run(ctx, "SELECT key, value FROM state WHERE key>=? ORDER BY key", func(s *sqlite3.Stmt) bool {
		key := s.ColumnBlob(0, nil)
		if !bytes.HasPrefix(key, prefix) {
			return false
		}
		all = append(all, Pair{key, s.ColumnBlob(1, nil)})
		return true
	}, prefix)
	return all, err
}

// row is a row of the table of messages.
type row struct {
	found bool
	id    int64
	Hit
}

// find finds a message by its hash.
func (d *database) find(ctx context.Context, hash *chunk.ID) (r row, err error) {
	if d.conn == nil {
		return r, nil
	}
	err = d.run(ctx, "SELECT id, hash, date, data FROM message WHERE substr(hash, 1, 8)=? AND hash=?", func(s *sqlite3.Stmt) bool {
		r = row{found: true, id: s.ColumnInt64(0), Hit: readHit(s)}
		return false
	}, hash[:8], hash[:])
	return r, err
}
