package repo

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Reindex indexes the packs that no index segment names, after segments were lost, or to use what an interrupted run has
// stored. It skips condemned packs, reports packs that it cannot read, and returns how many packs it indexed. It needs the
// owner's key, because no other key opens packs of mail.
//
// Reindex first removes damaged segments, if the store allows that. The packs have the same information, and a new segment
// may get the name of a damaged one.
func (r *Repo) Reindex(ctx context.Context, report func(Problem)) (packs int, err error) {
	if !r.CanRead() {
		return 0, fmt.Errorf("indexing packs of mail needs the owner's key: %w", ErrNoRole)
	}
	c := &checker{r: r, report: report, indexed: map[format.Pack]format.PackRow{}}
	damaged, err := c.damagedSegments(ctx)
	if err == nil {
		err = r.removeSegments(ctx, damaged, report)
	}
	if err != nil {
		return 0, err
	}
	condemned, err := r.Condemned(ctx)
	if err != nil {
		return 0, err
	}
	var missing []store.Object
	err = r.objects.EachPack(ctx, func(pack format.Pack, o store.Object) error {
		_, indexed := c.indexed[pack]
		if _, gone := condemned[pack]; !indexed && !gone {
			missing = append(missing, o)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var draft index.Draft
	err = c.each(ctx, inorder.Slice(missing), c.describe, func(f *finding) error {
		for _, row := range f.rows {
			draft.Add(row, f.lanes)
		}
		if !draft.Full() && len(draft.Packs) < largestSegment.packs {
			return nil
		}
		packs += len(draft.Packs)
		return r.putDraft(ctx, &draft)
	})
	if err != nil {
		return packs, err
	}
	packs += len(draft.Packs)
	return packs, r.putDraft(ctx, &draft)
}

// describe reads the table of a pack.
func (c *checker) describe(ctx context.Context, f *finding) error {
	pack, _ := format.ParsePack(f.Name)
	row, lanes, err := c.r.objects.DescribePack(ctx, pack, f.Size)
	if err == nil {
		f.rows, f.lanes = []format.PackRow{row}, lanes
	}
	return err
}

// damagedSegments reads all segments and returns the names of those that are damaged in two attempts. It reports those that
// cannot be read for another reason: a newer version, or another repository.
func (c *checker) damagedSegments(ctx context.Context) (names []string, err error) {
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
	err = c.each(ctx, c.r.objects.List(ctx, format.KindIndex, "index"), twice, func(f *finding) error {
		c.takeRows(f)
		if f.damaged {
			names = append(names, f.Name)
		}
		return nil
	})
	return names, err
}

// removeSegments deletes damaged index segments. It reports those that the store retains.
func (r *Repo) removeSegments(ctx context.Context, names []string, report func(Problem)) error {
	for _, name := range names {
		err := r.objects.Store.Delete(ctx, name)
		switch {
		case err == nil:
		case errors.Is(err, store.ErrRetained):
			report(Problem{Kind: Unread, Object: name, Err: fmt.Errorf("it is damaged, and %w; its packs are indexed again", err)})
		default:
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func (r *Repo) putDraft(ctx context.Context, d *index.Draft) error {
	if len(d.Packs) == 0 {
		return nil
	}
	_, _, err := r.objects.PutSegment(ctx, d.Packs, d.Entries)
	*d = index.Draft{}
	return err
}
