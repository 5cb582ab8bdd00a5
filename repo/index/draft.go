package index

import (
	"context"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Draft is the content of an index segment that is being made.
type Draft struct {
	Packs   []format.PackRow
	frames  uint32
	Entries []format.Entry
}

// draftEntries is when a draft is full: 128 Ki entries are some 500 MB of mail and take 8 MB of
// memory.
const draftEntries = 128 << 10

// Add adds a pack.
func (d *Draft) Add(row format.PackRow, lanes []format.LaneRow) {
	format.PackEntries(lanes, d.frames, func(e format.Entry) { d.Entries = append(d.Entries, e) })
	d.Packs = append(d.Packs, row)
	d.frames += uint32(len(row.Stored))
}

// Full reports whether the draft should be written.
func (d *Draft) Full() bool { return len(d.Entries) >= draftEntries }

// Add adds a segment that this host has put, so that it need not be fetched.
func (x *Index) Add(ctx context.Context, draft Draft, hash [32]byte) error {
	segments := [][32]byte{hash}
	if err := x.files.writeDraft(draft, segments, segments); err != nil {
		return err
	}
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	if x.files.compact() {
		return nil
	}
	return x.refreshLocked(ctx)
}
