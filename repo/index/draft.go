package index

import (
	"context"

	"github.com/mailstrata/mailstrata/repo/format"
)

// segmentDraft is what an index segment will say.
type Draft struct {
	Packs   []format.PackRow
	frames  uint32
	Entries []format.Entry
}

// draftEntries is when a segment is put before it is asked for. 128 Ki entries are some 500 MB of mail, and 8 MB of memory.
const draftEntries = 128 << 10

// add adds a pack.
func (d *Draft) Add(row format.PackRow, lanes []format.LaneRow) {
	format.PackEntries(lanes, d.frames, func(e format.Entry) { d.Entries = append(d.Entries, e) })
	d.Packs = append(d.Packs, row)
	d.frames += uint32(len(row.Stored))
}

// full reports whether the draft should be put.
func (d *Draft) Full() bool { return len(d.Entries) >= draftEntries }

// learn adds a segment that this host wrote itself, so that it need not be fetched.
func (x *Index) Add(ctx context.Context, draft Draft, hash [32]byte) error {
	segments := [][32]byte{hash}
	if err := x.keep(draft, segments, segments); err != nil {
		return err
	}
	x.refreshing.Lock()
	whole := x.compact()
	x.refreshing.Unlock()
	if whole {
		return nil
	}
	return x.refresh(ctx)
}

// keep makes a flat file of a draft, whose entries ascend, and uses it. It is named by the hashes in named.
func (x *Index) keep(draft Draft, segments [][32]byte, named [][32]byte) error {
	return x.Source.WriteCache(func() error { return x.keepOnce(draft, x.path(named), segments) })
}

func (x *Index) keepOnce(draft Draft, path string, segments [][32]byte) error {
	w, err := NewFileWriter(x.Source.IndexDir(), x.owner())
	if err != nil {
		return err
	}
	for _, e := range draft.Entries {
		if err := w.Add(e); err != nil {
			w.Abandon()
			return err
		}
	}
	return x.finishFile(w, path, draft.Packs, segments, nil)
}
