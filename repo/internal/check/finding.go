package check

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store"
)

// finding is what a check finds out about one object. Many objects are looked at at once, so what
// looks at one changes only its finding. The checker takes the findings in the order of the
// listing.
type finding struct {
	store.Object
	problems []objects.Problem
	checked  objects.Checked

	rows    []format.PackRow // of an index segment, or of a pack
	lanes   []format.LaneRow // of a pack
	damaged bool             // an index segment is damaged in two attempts
	until   time.Time        // when retention ends that ends too early
}

func (f *finding) problem(kind objects.ProblemKind, err error) {
	f.problems = append(f.problems, objects.Problem{Kind: kind, Object: f.Name, Err: err})
}

// read counts the object as read whole.
func (f *finding) read() {
	f.checked.Objects++
	f.checked.Bytes += f.Size
}

// Limits of how many objects are looked at at once.
const (
	checkedAtOnce = 64
	checkedBytes  = 16 << 20 // of the objects; each byte is on this host once or twice, and a frame decoded
)

// each looks at the objects of a listing, many at once, and hands the findings to take, in order.
// It reports the problems that look finds, and takes an error of look that concerns the object for
// one.
func (c *checker) each(
	ctx context.Context, list iter.Seq2[store.Object, error], look func(context.Context, *finding) error, take func(*finding) error,
) error {
	bytes := semaphore.NewWeighted(checkedBytes)
	findings := inorder.Map(ctx, checkedAtOnce, list, func(ctx context.Context, o store.Object) (*finding, error) {
		f := &finding{Object: o}
		weight := min(c.fetches(o), checkedBytes)
		if err := bytes.Acquire(ctx, weight); err != nil {
			return nil, context.Cause(ctx)
		}
		defer bytes.Release(weight)
		return f, c.outcome(ctx, f, look(ctx, f))
	})
	for f, err := range findings {
		if err != nil {
			return err
		}
		for _, p := range f.problems {
			c.report(p)
		}
		c.checked.Add(f.checked)
		if err := take(f); err != nil {
			return err
		}
	}
	return nil
}

// fetches returns how many bytes of an object a check holds at once: of a pack of which it reads
// only the table, two pieces.
func (c *checker) fetches(o store.Object) int64 {
	if pack, ok := format.ParsePack(o.Name); ok && !pack.Catalog && !c.data.Holds(pack) {
		return min(o.Size, packs.Small)
	}
	return o.Size
}

// outcome records an error that concerns the object. It returns any other error, which ends the
// check.
func (c *checker) outcome(ctx context.Context, f *finding, err error) error {
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrNotExist):
		return c.absent(ctx, f)
	case errors.Is(err, objects.ErrNoRole):
		f.problem(objects.Unread, err)
	case objects.Concerns(err):
		f.problem(objects.Broken, err)
	default:
		return fmt.Errorf("check %s: %w", f.Name, err)
	}
	return nil
}

// absent looks again for an object that was listed and then could not be read, because the store
// does not have it. It may have been deleted in the meantime. Some stores list objects that they
// have lost, for a while or forever. The error of the problem is ErrNotExist, so that repair asks
// before it condemns the object.
func (c *checker) absent(ctx context.Context, f *finding) error {
	listed, err := c.objects.Lists(ctx, f.Name, f.Size)
	if err == nil && listed {
		f.problem(objects.Broken, fmt.Errorf("it is listed, but %w", store.ErrNotExist))
	}
	return err
}
