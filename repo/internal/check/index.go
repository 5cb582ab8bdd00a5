package check

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Index reads all index segments. It returns the packs that they describe, and the names of the
// segments that are damaged in two attempts. It reports those that cannot be read for another
// reason: a newer version, or another repository.
func Index(
	ctx context.Context, o *objects.Objects, report func(objects.Problem),
) (indexed map[format.Pack]format.PackRow, damaged []string, err error) {
	c := &checker{objects: o, report: report, indexed: map[format.Pack]format.PackRow{}}
	twice := func(ctx context.Context, f *finding) error {
		err := c.segment(ctx, f)
		if errors.Is(err, format.ErrDamaged) {
			err = c.segment(ctx, f)
		}
		if f.damaged = errors.Is(err, format.ErrDamaged); f.damaged {
			return nil
		}
		return err
	}
	err = c.each(ctx, o.List(ctx, format.KindIndex, "index"), twice, func(f *finding) error {
		c.takeRows(f)
		if f.damaged {
			damaged = append(damaged, f.Name)
		}
		return nil
	})
	return c.indexed, damaged, err
}

// Tables reads the tables of packs, and hands them to take, in order. It reports packs that cannot
// be read.
func Tables(
	ctx context.Context, o *objects.Objects, packs []store.Object, report func(objects.Problem),
	take func(format.PackRow, []format.LaneRow) error,
) error {
	c := &checker{objects: o, report: report}
	describe := func(ctx context.Context, f *finding) error {
		pack, _ := format.ParsePack(f.Name)
		row, lanes, err := o.DescribePack(ctx, pack, f.Size)
		if err == nil {
			f.rows, f.lanes = []format.PackRow{row}, lanes
		}
		return err
	}
	return c.each(ctx, inorder.Slice(packs), describe, func(f *finding) error {
		for _, row := range f.rows {
			if err := take(row, f.lanes); err != nil {
				return err
			}
		}
		return nil
	})
}
