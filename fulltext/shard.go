package fulltext

import (
	"context"
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"
)

// The texts are in shards, each with the rows of about a year: those whose numbers are equal but for the last shardBits bits.
// FTS5 collects all rows of a prefix before it yields the first one. With shards, it does so for a year, and most searches end in
// the last ones. Merging segments is bounded in the same way.
const (
	shardBits = 25
	lastShard = 127 // of 2105 and later; shard 0 is of 1970 and earlier
)

// shardOf returns the shard of a row.
func shardOf(row int64) int64 { return min(max(row>>shardBits, 0), lastShard) }

// shardSchema creates a shard with a number, which occurs four times.
//
// It has only the index of FTS5, not the texts (no content), and deletes without them (contentless_delete). The tokenizer
// takes the words that text.go writes as they are (tokenizer.go). The
// body is the first column, because positions in the first one are the shortest. FTS5 writes a segment when the places of words
// take hashsize bytes; of encoded data, where no word comes twice, the words take much more memory. Segments are
// merged a little with each write (automerge), so that no single update pays for all.
const shardSchema = `
CREATE VIRTUAL TABLE text_%[1]d USING fts5(body, subject, sender, recipients, attachment,
	content='', contentless_delete=1, tokenize='spaces', detail=full);
INSERT INTO text_%[1]d(text_%[1]d, rank) VALUES('hashsize', 4194304);
INSERT INTO text_%[1]d(text_%[1]d, rank) VALUES('automerge', 8);
INSERT INTO shard(number) VALUES(%[1]d);
`

// readShards reads which shards there are.
func (d *database) readShards(ctx context.Context) error {
	d.shards = nil
	return d.run(ctx, "SELECT number FROM shard ORDER BY number DESC", func(s *sqlite3.Stmt) bool {
		d.shards = append(d.shards, s.ColumnInt64(0))
		return true
	})
}

// shard returns the table of a row, which it creates if there is none.
func (d *database) shard(ctx context.Context, row int64) (table string, err error) {
	number := shardOf(row)
	if !slices.Contains(d.shards, number) {
		if err := d.failed(ctx, "create shard of", d.conn.Exec(fmt.Sprintf(shardSchema, number))); err != nil {
			return "", err
		}
		if err := d.readShards(ctx); err != nil {
			return "", err
		}
	}
	return tableOf(number), nil
}

func tableOf(shard int64) string { return fmt.Sprintf("text_%d", shard) }
