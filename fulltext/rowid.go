package fulltext

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
)

// Searches yield rows in the order of their numbers. So the number of a message comes from its
// date, and the newest hits are the first. It is the second of the date, or one soon after it if
// that is taken. Smaller units would make the differences between the numbers larger, and these are
// a large part of an index.
const (
	// maxSpread is how far a number can lie after its second, if many messages have the same date,
	// as after an import: half a year, in which 16 million messages have room.
	maxSpread = 1 << 24

	maxSeconds = 1 << 58

	// maxTries bounds the search for a free number. When a range is half full, each try succeeds
	// with a probability of a half.
	maxTries = 1000
)

// firstRow returns the first row number for a date.
func firstRow(date time.Time) int64 { return min(max(date.Unix(), -maxSeconds), maxSeconds) }

// freeRow returns a free row number for a message: its second, or else one within a larger and
// larger range after it. The hash chooses it, so that searching for a free one takes few steps.
func (u *Update) freeRow(ctx context.Context, date time.Time, hash *chunk.ID) (int64, error) {
	first, random := firstRow(date), binary.BigEndian.Uint64(hash[:])
	spread := uint64(1)
	for range maxTries {
		row := first + int64(random%spread)
		spread = min(2*spread, maxSpread)
		random = random*6364136223846793005 + 1442695040888963407 // Knuth's linear congruential generator
		if u.taken[row] {
			continue
		}
		found, err := u.db.number(ctx,
			"SELECT (SELECT count(*) FROM message WHERE id=?1)+(SELECT count(*) FROM gone WHERE id=?1)", row)
		if err != nil || found == 0 {
			u.spread = max(u.spread, row-first)
			return row, err
		}
	}
	return 0, fmt.Errorf("add message: too many messages have the date %s", date.UTC().Format(time.RFC3339))
}
