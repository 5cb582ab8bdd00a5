package fulltext

import (
	"context"

	"github.com/ncruces/go-sqlite3"
)

// The words are in shards, each with the rows of about a year: those whose numbers are equal but
// for the last shardBits bits. Most searches end in the last ones, and the size of a shard bounds
// what a merge writes.
const (
	shardBits = 25
	lastShard = 127 // of 2105 and later; shard 0 is of 1970 and earlier
)

// shardOf returns the shard of a row.
func shardOf(row int64) int64 { return min(max(row>>shardBits, 0), lastShard) }

// readShards reads which shards there are.
func (d *database) readShards(ctx context.Context) error {
	d.shards = nil
	return d.run(ctx, "SELECT DISTINCT shard FROM segment ORDER BY shard DESC", func(s *sqlite3.Stmt) bool {
		d.shards = append(d.shards, s.ColumnInt64(0))
		return true
	})
}
