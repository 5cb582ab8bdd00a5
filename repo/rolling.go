package repo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// A rolling check reads all packs once within a period, some at each call. How far it came is kept in the repository, so
// that it goes on wherever it runs next.

// checkRow is the content of a check object.
type checkRow struct {
	When   uint64            `cbor:"1,keyasint"`
	Cursor uint64            `cbor:"2,keyasint,omitempty"`
	Ext    format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Rolling is one call of a rolling check.
type Rolling struct {
	HashRange           // what is to be read
	Last      time.Time // when the last one was; zero: there was none
	now       time.Time
	seen      []string // the check objects there are, the newest first
}

// firstShare is what the first rolling check reads, as if the last had been a day ago.
const firstShare = 24 * time.Hour

// Rolling tells what has to be read now, so that every pack is read once within a period.
func (r *Repo) Rolling(ctx context.Context, period time.Duration) (Rolling, error) {
	c, err := startClock(ctx, r.store)
	if err != nil {
		return Rolling{}, err
	}
	rolling := Rolling{now: c.start}
	hand, elapsed := rand.Uint64(), firstShare
	for o, err := range r.store.List(ctx, format.KindCheck.Folder()) {
		if err != nil {
			return Rolling{}, fmt.Errorf("list the checks: %w", err)
		}
		if kind, ok := format.KindOf(o.Name); !ok || kind != format.KindCheck {
			continue
		}
		rolling.seen = append(rolling.seen, o.Name)
		if !rolling.Last.IsZero() {
			continue
		}
		row, err := r.loadCheck(ctx, o.Name)
		if err != nil {
			if ofTheObject(err) {
				continue // an earlier one counts then, and more is read
			}
			return Rolling{}, err
		}
		last := time.UnixMilli(int64(row.When))
		if last.After(rolling.now.Add(ahead)) {
			continue // a time to come would let every check read nothing until then
		}
		rolling.Last, hand = last, row.Cursor
		elapsed = rolling.now.Sub(rolling.Last)
	}
	rolling.HashRange = rangeFrom(hand, float64(elapsed)/float64(period))
	return rolling, nil
}

func (r *Repo) loadCheck(ctx context.Context, name string) (checkRow, error) {
	var row checkRow
	content, err := r.load(ctx, format.KindCheck, name)
	if err != nil {
		return row, err
	}
	if err := format.Decode(content, &row); err != nil {
		return row, fmt.Errorf("read %s: %w", name, err)
	}
	return row, nil
}

// Rolled puts down that the check is done. Older ones are deleted, if the store lets them be.
func (r *Repo) Rolled(ctx context.Context, rolling Rolling) error {
	content, err := format.Encode(checkRow{When: uint64(rolling.now.UnixMilli()), Cursor: rolling.end()})
	if err != nil {
		return err
	}
	stored, hash, err := r.codec.Build(format.KindCheck, content, r.seals.recipients(format.KindCheck))
	if err != nil {
		return err
	}
	if err := r.put(ctx, format.KindCheck.Folder()+format.Stamped(rolling.now, hash), stored); err != nil {
		return err
	}
	for _, name := range rolling.seen {
		if r.store.Delete(ctx, name) != nil {
			break // credentials that may not delete are as they should be
		}
	}
	return nil
}
