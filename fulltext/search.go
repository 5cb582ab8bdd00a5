package fulltext

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Bounds are conditions of a search beside its words. The zero value has none.
type Bounds struct {
	Since, Before time.Time  // dates: at or after, before
	Within        []chunk.ID // if not nil, only these messages
}

// How many hits are read at once: a few at first, because many searches want no more.
const (
	firstHits = 50
	mostHits  = 1000
)

// Search yields the messages whose words match, newest first. Filters of the query are not looked
// at. Nothing is locked while yield runs, so an update can come between two hits; no message is
// yielded twice. An error is the last that Search yields.
func (x *Index) Search(ctx context.Context, q *words.Query, b Bounds) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		s := newSearch(q, b)
		s.connections = x.connections
		for n := firstHits; !s.done; n = min(2*n, mostHits) {
			var hits []Hit
			err := x.read(func(d *database) (err error) {
				hits, err = s.read(ctx, d, n)
				return err
			})
			if err != nil {
				yield(Hit{}, err)
				return
			}
			for _, hit := range hits {
				if !yield(hit, nil) {
					return
				}
			}
		}
	}
}

// search is a search that goes on.
type search struct {
	words     *words.Expr // nil if all messages match
	bounds    Bounds
	low, high int64 // the rows that are left
	done      bool
	current   *walk // where the last batch of hits ended, or nil

	connections func(d *database, n int) []*database

	among      map[chunk.ID]bool // bounds.Within, if these are many
	walked     int               // how many rows were compared with among
	members    []int64           // the rows of bounds.Within, from the last to the first; nil until they are found
	generation uint64            // of the index when they were found
}

func newSearch(q *words.Query, b Bounds) *search {
	s := &search{words: q.Words, bounds: b, low: math.MinInt64, high: math.MaxInt64}
	if !b.Since.IsZero() {
		s.low = firstRow(b.Since)
	}
	return s
}

// read reads the next n hits, or those that are left.
func (s *search) read(ctx context.Context, d *database, n int) (hits []Hit, err error) {
	if d.conn == nil {
		s.done = true
		return nil, nil
	}
	if !s.bounds.Before.IsZero() && s.high == math.MaxInt64 {
		spread, err := d.number(ctx, "SELECT spread FROM total")
		if err != nil {
			return nil, err
		}
		s.high = firstRow(s.bounds.Before) + spread
	}
	if s.bounds.Within != nil {
		return s.readWithin(ctx, d, n)
	}
	return s.take(ctx, d, n, nil)
}

// take reads the next n hits that are among some, or those that are left.
func (s *search) take(ctx context.Context, d *database, n int, among map[chunk.ID]bool) (hits []Hit, err error) {
	high, full, walked := s.high, false, s.walked
	take := func(r *row) bool {
		high = r.id - 1
		walked++
		if (among == nil || among[r.Hash]) && s.fits(r) {
			hits = append(hits, r.Hit)
		}
		full = len(hits) == n || among != nil && walked == maxWalked
		return !full
	}
	span := slowSearch
	if among != nil {
		span = forever
	}
	left, err := s.rows(ctx, d, high, span, take)
	if err == nil && len(left) > 0 {
		err = s.rowsAtOnce(ctx, s.connections(d, atOnce(len(left))), left, high, n-len(hits), take)
	}
	if err != nil {
		return nil, err
	}
	s.high, s.done, s.walked = high, !full, walked
	return hits, nil
}

// forever is longer than any search.
const forever = time.Duration(math.MaxInt64)

// rows calls do for the rows that match, from high to s.low, until do returns false. If that takes
// longer than a span, it returns the shards that are left, if these are several.
func (s *search) rows(
	ctx context.Context, d *database, high int64, span time.Duration, do func(*row) bool,
) (left []int64, err error) {
	if s.words == nil && s.members == nil {
		return nil, d.run(ctx, "SELECT id, hash, date, data FROM message WHERE id BETWEEN ? AND ? ORDER BY id DESC",
			each(do), s.low, high)
	}
	began := time.Now()
	for i, shard := range d.shards {
		if shard > shardOf(high) || shard < shardOf(s.low) {
			continue
		}
		if left := d.shards[i:]; atOnce(len(left)) > 1 && time.Since(began) > span {
			return left, nil
		}
		w := s.current
		if w == nil || w.d != d || w.generation != d.file.Generation() || w.shard != shard {
			if w, err = s.begin(ctx, d, shard, high); err != nil {
				return nil, err
			}
		}
		s.current = nil
		if more, err := s.rowsIn(ctx, w, do); err != nil || !more {
			s.current = w
			return nil, err
		}
	}
	return nil, nil
}

// rowsIn is rows for what is left of one shard. It reports whether do wants more.
func (s *search) rowsIn(ctx context.Context, w *walk, do func(*row) bool) (more bool, err error) {
	w.d.reading = ctx
	for {
		id, ok, err := w.next(ctx)
		if err != nil || !ok || id < s.low {
			return err == nil, err
		}
		r, err := w.d.message(ctx, id)
		if err != nil {
			return false, err
		}
		if r.found && !do(&r) {
			return false, nil
		}
	}
}

// each calls do for the row of a statement.
func each(do func(*row) bool) func(*sqlite3.Stmt) bool {
	return func(stmt *sqlite3.Stmt) bool {
		return do(&row{found: true, id: stmt.ColumnInt64(0), Hit: readHit(stmt)})
	}
}

// fits reports whether the date of a row is within the bounds, which the number of a row says only
// roughly.
func (s *search) fits(r *row) bool {
	return !r.Date.Before(s.bounds.Since) && (s.bounds.Before.IsZero() || r.Date.Before(s.bounds.Before))
}

// readHit reads columns 1 to 3: hash, date, data.
func readHit(s *sqlite3.Stmt) (h Hit) {
	copy(h.Hash[:], s.ColumnRawBlob(1))
	h.Date = time.Unix(s.ColumnInt64(2), 0)
	h.Data = s.ColumnBlob(3, nil)
	return h
}
