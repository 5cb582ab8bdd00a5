package index

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
)

// All writes one file of everything that the index knows and of what packs say that no segment
// describes. The caller removes the file. indexed has the packs that a segment describes.
func (x *Index) All(ctx context.Context) (f *File, indexed map[format.Pack]bool, err error) {
	for range maxFiles {
		if err := x.LoadAll(ctx); err != nil {
			return nil, nil, err
		}
		if err := x.describeUnindexed(ctx); err != nil {
			return nil, nil, err
		}
		f, indexed, err := x.files.mergeAll()
		if !errors.Is(err, errFile) {
			return f, indexed, err
		}
		x.files.discardDamaged(x.files.snapshot())
	}
	return nil, nil, errors.New("the cached index is damaged again and again")
}

// Describe returns the row of a pack and the entries of each of its frames. A nil row means that
// the index does not know it.
func (x *Index) Describe(ctx context.Context, p format.Pack) (row *format.PackRow, frames [][]format.Entry, err error) {
	if err := x.LoadAll(ctx); err != nil {
		return nil, nil, err
	}
	for _, f := range x.files.snapshot() {
		number := slices.IndexFunc(f.Packs, func(row format.PackRow) bool { return row.Pack() == p })
		if number < 0 {
			continue
		}
		frames = make([][]format.Entry, len(f.Packs[number].Stored))
		for e, err := range f.All() {
			if err != nil {
				return nil, nil, err
			}
			if at := f.places[e.Frame]; int(at.pack) == number {
				frames[at.frame] = append(frames[at.frame], e)
			}
		}
		return &f.Packs[number], frames, nil
	}
	return nil, nil, nil
}
