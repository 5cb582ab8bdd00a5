package repo

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// A rolling check reads all packs once within a period, a share of them at each call. An object in the repository records
// its progress, so any host can continue it.

// checkRow is the content of a check object.
type checkRow struct {
	When   uint64            `cbor:"1,keyasint"`
	Cursor uint64            `cbor:"2,keyasint,omitempty"`
	Ext    format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Rolling is one call of a rolling check.
type Rolling struct {
	HashRange           // the packs to read
	Last      time.Time // time of the last call; zero if this is the first
	now       time.Time
	seen      []string // existing check objects, the newest first
}

// firstShare makes the first rolling check read as much as if the last had been a day ago.
const firstShare = 24 * time.Hour

// Rolling returns what to read now so that every pack is read once within a period.
func (r *Repo) Rolling(ctx context.Context, period time.Duration) (Rolling, error) {
	c, err := startClock(ctx, r.store)
	if err != nil {
		return Rolling{}, err
	}
	rolling := Rolling{now: c.start}
	cursor, elapsed := rand.Uint64(), firstShare
	for o, err := range r.listKind(ctx, format.KindCheck, "checks") {
		if err != nil {
			return Rolling{}, err
		}
		rolling.seen = append(rolling.seen, o.Name)
		if !rolling.Last.IsZero() {
			continue
		}
		var row checkRow
		if err := r.loadRow(ctx, format.KindCheck, o.Name, &row); err != nil {
			if concernsObject(err) {
				continue // an earlier check counts, so more is read
			}
			return Rolling{}, err
		}
		last := time.UnixMilli(int64(row.When))
		if last.After(rolling.now.Add(ahead)) {
			continue // checks would read nothing until that time
		}
		rolling.Last, cursor = last, row.Cursor
		elapsed = rolling.now.Sub(rolling.Last)
	}
	rolling.HashRange = rangeFrom(cursor, float64(elapsed)/float64(period))
	return rolling, nil
}

// Rolled records that the check is done. It deletes older records, if the store allows that.
func (r *Repo) Rolled(ctx context.Context, rolling Rolling) error {
	row := checkRow{When: uint64(rolling.now.UnixMilli()), Cursor: rolling.end()}
	if err := r.putRow(ctx, format.KindCheck, rolling.now, row); err != nil {
		return err
	}
	for _, name := range rolling.seen {
		if r.store.Delete(ctx, name) != nil {
			break // credentials need no right to delete
		}
	}
	return nil
}
