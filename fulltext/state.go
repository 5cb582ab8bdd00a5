package fulltext

import (
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
	add := func(s *sqlite3.Stmt) bool {
		all = append(all, Pair{s.ColumnBlob(0, nil), s.ColumnBlob(1, nil)})
		return true
	}
	if after := next(prefix); after != nil {
		err = d.run(ctx, "SELECT key, value FROM state WHERE key>=? AND key<? ORDER BY key", add, prefix, after)
	} else {
		err = d.run(ctx, "SELECT key, value FROM state WHERE key>=? ORDER BY key", add, prefix)
	}
	return all, err
}

// next returns the first key after all that begin with a prefix, or nil if there is none.
func next(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			after := append([]byte(nil), prefix[:i+1]...)
			after[i]++
			return after
		}
	}
	return nil
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
