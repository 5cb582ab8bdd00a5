package fulltext

import (
	"context"
	"errors"
	"fmt"
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

// Search yields the messages whose words match, newest first. Filters of the query are not looked at. Nothing is locked while
// yield runs, so an update can come between two hits; no message is yielded twice. An error is the last that Search yields.
func (x *Index) Search(ctx context.Context, q *words.Query, b Bounds) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		s := newSearch(q, b)
		for n := firstHits; !s.done; n = min(2*n, mostHits) {
			var hits []Hit
			err := x.read(func(d *database) (err error) {
				hits, err = s.read(ctx, d, n)
				return err
			})
			if errors.Is(err, ErrMemory) {
				err = fmt.Errorf("%w: write more letters before a *", err)
			}
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
	expression string // of FTS5; empty if all messages match
	bounds     Bounds
	low, high  int64 // the rows that are left
	done       bool

	among      map[chunk.ID]bool // bounds.Within, if these are many
	walked     int               // how many rows were compared with among
	members    []int64           // the rows of bounds.Within that are left, from the last to the first; nil until they are found
	generation uint64            // of the index when they were found
}

func newSearch(q *words.Query, b Bounds) *search {
	s := &search{bounds: b, low: math.MinInt64, high: math.MaxInt64}
	if !b.Since.IsZero() {
		s.low = firstRow(b.Since)
	}
	if q.Words != nil {
		s.expression = expression(q.Words)
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
	return s.walk(ctx, d, n, nil)
}

// walk reads the next n hits that are among some, or those that are left.
func (s *search) walk(ctx context.Context, d *database, n int, among map[chunk.ID]bool) (hits []Hit, err error) {
	high, full, walked := s.high, false, s.walked
	err = s.rows(ctx, d, high, func(r *row) bool {
		high = r.id - 1
		walked++
		if (among == nil || among[r.Hash]) && s.fits(r) {
			hits = append(hits, r.Hit)
		}
		full = len(hits) == n || among != nil && walked == maxWalked
		return !full
	})
	if err != nil {
		return nil, err
	}
	s.high, s.done, s.walked = high, !full, walked
	return hits, nil
}

// rows calls do for the rows that match, from high to s.low, until do returns false.
func (s *search) rows(ctx context.Context, d *database, high int64, do func(*row) bool) error {
	more := true
	read := func(stmt *sqlite3.Stmt) bool {
		more = do(&row{found: true, id: stmt.ColumnInt64(0), Hit: readHit(stmt)})
		return more
	}
	if s.expression == "" {
		return d.run(ctx, "SELECT id, hash, date, data FROM message WHERE id BETWEEN ? AND ? ORDER BY id DESC", read, s.low, high)
	}
	for _, shard := range d.shards {
		if shard > shardOf(high) || shard < shardOf(s.low) {
			continue
		}
		table := tableOf(shard)
		if err := d.run(ctx, "SELECT id, hash, date, data FROM "+table+" CROSS JOIN message ON id="+table+".rowid WHERE "+
			table+".rowid BETWEEN ? AND ? AND "+table+" MATCH ? ORDER BY "+table+".rowid DESC", read, s.low, high, s.expression); err != nil || !more {
			return err
		}
	}
	return nil
}

// fits reports whether the date of a row is within the bounds, which the number of a row says only roughly.
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
