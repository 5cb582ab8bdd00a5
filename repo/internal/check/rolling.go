package check

import (
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// A rolling check reads all packs once within a period, some of them at each call. An object in the
// repository records its progress, so any host can continue it. Checks of shares have records of
// their own.

// checkRow is the content of a check object.
type checkRow struct {
	When   uint64            `cbor:"1,keyasint"`
	Cursor uint64            `cbor:"2,keyasint,omitempty"`
	N      uint64            `cbor:"3,keyasint,omitempty"` // of a share
	Of     uint64            `cbor:"4,keyasint,omitempty"`
	Ext    format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Rolling is one call of a rolling check.
type Rolling struct {
	HashRange           // the packs to read
	Last      time.Time // time of the last call; zero if this is the first
	now       time.Time
	seen      []string // existing check objects that this one replaces
	row       checkRow // with the share
}

// firstShare makes the first rolling check read as much as if the last had been a day ago.
const firstShare = 24 * time.Hour

// Next returns what to read now so that every pack of a share is read once within a period.
func Next(ctx context.Context, o *objects.Objects, share Share, period time.Duration) (Rolling, error) {
	c, err := clock.Start(ctx, o.Store)
	if err != nil {
		return Rolling{}, err
	}
	rolling := Rolling{now: c.Began()}
	if share.Of > 1 {
		rolling.row.N, rolling.row.Of = uint64(share.N), uint64(share.Of)
	}
	cursor, elapsed := uint64(0), firstShare // the same until a check is recorded, so that it finds damage again
	for listed, err := range o.List(ctx, format.KindCheck, "checks") {
		if err != nil {
			return Rolling{}, err
		}
		var row checkRow
		if err := o.LoadRow(ctx, format.KindCheck, listed.Name, &row); err != nil {
			if objects.Concerns(err) {
				rolling.seen = append(rolling.seen, listed.Name)
				continue // an earlier check counts, so more is read
			}
			return Rolling{}, err
		}
		if row.N != rolling.row.N || row.Of != rolling.row.Of {
			continue
		}
		rolling.seen = append(rolling.seen, listed.Name)
		if last := time.UnixMilli(int64(row.When)); !last.After(rolling.now.Add(clock.Ahead)) { // or checks would read nothing until then
			rolling.Last, cursor, elapsed = last, row.Cursor, rolling.now.Sub(last)
			break
		}
	}
	rolling.HashRange = rangeFrom(cursor, float64(elapsed)/float64(period))
	return rolling, nil
}

// Record records that the check is done. It deletes older records, if the store allows that.
func Record(ctx context.Context, o *objects.Objects, rolling Rolling) error {
	row := rolling.row
	row.When, row.Cursor = uint64(rolling.now.UnixMilli()), rolling.end()
	if err := o.PutRow(ctx, format.KindCheck, rolling.now, row); err != nil {
		return err
	}
	for _, name := range rolling.seen {
		if o.Store.Delete(ctx, name) != nil {
			break // credentials need no right to delete
		}
	}
	return nil
}

// Past is the newest rolling check of a share.
type Past struct {
	Time time.Time
	Share
}

// All returns the newest rolling check of each share, the newest first. Objects that cannot be read
// and those with a time long after the store got them are left out: an earlier check of the share
// counts then.
func All(ctx context.Context, o *objects.Objects) (checks []Past, err error) {
	load := func(ctx context.Context, listed store.Object) (row *checkRow, err error) {
		row = new(checkRow)
		if err = o.LoadRow(ctx, format.KindCheck, listed.Name, row); err != nil && objects.Concerns(err) {
			return nil, nil
		}
		if err == nil && time.UnixMilli(int64(row.When)).After(listed.Time.Add(maxAhead)) {
			return nil, nil
		}
		return row, err
	}
	for row, err := range inorder.Map(ctx, checksAhead, o.List(ctx, format.KindCheck, "checks"), load) {
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		share := Share{N: int(row.N), Of: int(row.Of)}
		if !slices.ContainsFunc(checks, func(c Past) bool { return c.Share == share }) {
			checks = append(checks, Past{time.UnixMilli(int64(row.When)), share})
		}
	}
	return checks, nil
}

// maxAhead is how far the clock of a host may be ahead of that of the store.
const maxAhead = time.Hour

// checksAhead is how many check objects are read at once. Each share has one at least.
const checksAhead = 16
