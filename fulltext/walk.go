package fulltext

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/mailstrata/mailstrata/fulltext/postings"
)

// walk is a walk through the rows of a shard that match, from the last to the first.
type walk struct {
	d          *database
	generation uint64 // of the index
	shard      int64
	parts      []*part
}

// part is a segment of the shard, at a row.
type part struct {
	hits    *postings.Hits
	row     int64
	ordinal uint32
}

// begin begins a walk through a shard, at a row.
func (s *search) begin(ctx context.Context, d *database, shard, high int64) (*walk, error) {
	d.reading = ctx
	segments, err := d.open(ctx, shard)
	if err != nil {
		return nil, err
	}
	w := &walk{d, d.file.Generation(), shard, nil}
	for _, segment := range segments {
		hits, err := segment.Find(s.words, s.members)
		if err != nil {
			return nil, d.failed(ctx, "read", err)
		}
		if err := w.add(ctx, &part{hits: hits}, segment.From(high)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// add adds a part, unless no row from an ordinal on matches.
func (w *walk) add(ctx context.Context, p *part, ordinal uint32) error {
	var ok bool
	var err error
	if p.row, p.ordinal, ok, err = p.hits.Next(ordinal); ok {
		w.parts = append(w.parts, p)
	}
	return w.d.failed(ctx, "read", err)
}

// next returns the next row, or false after the last one.
func (w *walk) next(ctx context.Context) (row int64, ok bool, err error) {
	if len(w.parts) == 0 {
		return 0, false, nil
	}
	first := 0
	for i, p := range w.parts {
		if p.row > w.parts[first].row {
			first = i
		}
	}
	p := w.parts[first]
	row = p.row
	w.parts[first] = w.parts[len(w.parts)-1]
	w.parts = w.parts[:len(w.parts)-1]
	return row, true, w.add(ctx, p, p.ordinal+1)
}

// message returns the message of a row, unless it was removed.
func (d *database) message(ctx context.Context, id int64) (r row, err error) {
	err = d.run(ctx, "SELECT id, hash, date, data FROM message WHERE id=?", func(s *sqlite3.Stmt) bool {
		r = row{found: true, id: id, Hit: readHit(s)}
		return false
	}, id)
	return r, err
}
