package fulltext

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/inorder"
)

// A search that looks through its first shards for as long as slowSearch, and has not ended there,
// looks through several of the others at once, each with a connection of its own. Most searches end
// before, and need no other connection. A connection has its own cache of pages, so maxConnections
// bounds the memory.
const (
	slowSearch     = 20 * time.Millisecond
	maxConnections = 4
)

// connections returns up to n connections to the state of the index that d has; d is the first of
// them.
func (x *Index) connections(d *database, n int) []*database {
	all := []*database{d}
	x.helpers = slices.DeleteFunc(x.helpers, func(h *database) bool {
		stale := h.broken || h.file.Generation() != d.file.Generation()
		if stale {
			_ = h.close()
		}
		return stale
	})
	for len(all) < n {
		if len(x.helpers) < len(all) {
			h, err := openDatabase(x.dir, x.key)
			if err != nil {
				return all // the search works without it
			}
			x.helpers = append(x.helpers, h)
			if h.conn == nil || h.file.Generation() != d.file.Generation() {
				return all // an update was faster; the next search begins with its state
			}
		}
		all = append(all, x.helpers[len(all)-1])
	}
	return all
}

// rowsAtOnce is rows for shards that are looked through at once. do is called for the first n rows
// that fit, in their order.
func (s *search) rowsAtOnce(
	ctx context.Context, databases []*database, shards []int64, high int64, n int, do func(*row) bool,
) error {
	free := make(chan *database, len(databases))
	for _, d := range databases {
		free <- d
	}
	read := func(ctx context.Context, shard int64) (rows []*row, err error) {
		d := <-free
		defer func() { free <- d }()
		w, err := s.begin(ctx, d, shard, high)
		if err == nil {
			_, err = s.rowsIn(ctx, w, func(r *row) bool {
				if s.fits(r) {
					rows = append(rows, r)
				}
				return len(rows) < n
			})
		}
		return rows, err
	}
	for rows, err := range inorder.Map(ctx, len(databases), inorder.Slice(shards), read) {
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !do(r) {
				return nil
			}
		}
	}
	return nil
}

// closeHelpers closes the connections beside the reader.
func (x *Index) closeHelpers() (err error) {
	for _, h := range x.helpers {
		err = errors.Join(err, h.close())
	}
	x.helpers = nil
	return err
}

// atOnce is how many shards are looked through at once.
func atOnce(shards int) int { return min(shards, maxConnections, runtime.GOMAXPROCS(0)) }
