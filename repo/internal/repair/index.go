package repair

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/check"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Index indexes the packs that no index segment names, but for those that are condemned, with at
// most limit packs in a segment. It reports packs that it cannot read, and returns how many packs
// it indexed.
//
// It first removes damaged segments, if the store allows that. The packs have the same information,
// and a new segment may get the name of a damaged one.
func Index(
	ctx context.Context, o *objects.Objects, readCondemned func(context.Context) (statement.Condemned, error), limit int, report func(objects.Problem),
) (packs int, err error) {
	indexed, damaged, err := check.Index(ctx, o, report)
	if err == nil {
		err = removeSegments(ctx, o, damaged, report)
	}
	if err != nil {
		return 0, err
	}
	condemned, err := readCondemned(ctx)
	if err != nil {
		return 0, err
	}
	var missing []store.Object
	err = o.EachPack(ctx, func(pack format.Pack, listed store.Object) error {
		_, known := indexed[pack]
		if _, gone := condemned[pack]; !known && !gone {
			missing = append(missing, listed)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var draft index.Draft
	err = check.Tables(ctx, o, missing, report, func(row format.PackRow, lanes []format.LaneRow) error {
		draft.Add(row, lanes)
		if !draft.Full() && len(draft.Packs) < limit {
			return nil
		}
		packs += len(draft.Packs)
		return putDraft(ctx, o, &draft)
	})
	if err != nil {
		return packs, err
	}
	packs += len(draft.Packs)
	return packs, putDraft(ctx, o, &draft)
}

// removeSegments deletes damaged index segments. It reports those that the store retains.
func removeSegments(ctx context.Context, o *objects.Objects, names []string, report func(objects.Problem)) error {
	for _, name := range names {
		err := o.Store.Delete(ctx, name)
		switch {
		case err == nil:
		case errors.Is(err, store.ErrRetained):
			report(objects.Problem{Kind: objects.Unread, Object: name,
				Err: fmt.Errorf("it is damaged, and %w; its packs are indexed again", err)})
		default:
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func putDraft(ctx context.Context, o *objects.Objects, d *index.Draft) error {
	if len(d.Packs) == 0 {
		return nil
	}
	_, _, err := o.PutSegment(ctx, d.Packs, d.Entries)
	*d = index.Draft{}
	return err
}
