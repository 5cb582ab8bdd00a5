package repo

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// ErrNotLocked is the error of Uncover for a repository that is not under Object Lock.
var ErrNotLocked = errors.New("the repository is not under Object Lock: it is not known what somebody hid and what prune deleted")

// Uncovered counts what Uncover did.
type Uncovered struct {
	Objects int   // that nothing covers any more
	Bytes   int64 // of these
	Left    int   // that are still covered
}

// uncoveredAtOnce is how many objects are uncovered at once.
const uncoveredAtOnce = 16

// Uncover removes the delete markers and the other versions that cover objects of a repository
// under Object Lock. Readers find these objects anyway (objectlock.Store), but other programs do
// not, and a rule of the bucket for older versions deletes them once their retention ends. With
// dry, it removes nothing and counts what it would.
//
// It leaves a config that is hidden while another is not: an owner hides one that is not his. It
// reports what it could not uncover, and goes on.
func (r *Repo) Uncover(ctx context.Context, dry bool, report func(Problem)) (done Uncovered, err error) {
	if r.Lock() == nil {
		return done, ErrNotLocked
	}
	hidden, err := r.configsHidden(ctx)
	if err != nil {
		return done, err
	}
	type outcome struct {
		objectlock.Covered
		mine bool
		err  error
	}
	uncover := func(ctx context.Context, c objectlock.Covered) (outcome, error) {
		kind, ok := format.KindOf(c.Name)
		o := outcome{Covered: c, mine: ok && (kind != format.KindConfig || hidden)}
		if o.mine && !dry {
			o.err = r.objects.Store.Uncover(ctx, c, kind != format.KindData && kind != format.KindCatalog) // a pack that is not one is found by a check
		}
		if ctx.Err() != nil {
			return o, context.Cause(ctx)
		}
		return o, nil
	}
	for o, err := range inorder.Map(ctx, uncoveredAtOnce, r.objects.Store.Covered(ctx, ""), uncover) {
		switch {
		case err != nil:
			return done, err
		case !o.mine:
		case o.err != nil:
			done.Left++
			report(Problem{Kind: Overlaid, Object: o.Name, Err: o.err})
		default:
			done.Objects, done.Bytes = done.Objects+1, done.Bytes+o.Size
		}
	}
	return done, nil
}

// configsHidden reports whether a delete marker hides every config.
func (r *Repo) configsHidden(ctx context.Context) (bool, error) {
	for o, err := range r.objects.Store.List(ctx, format.KindConfig.Folder()) {
		if err != nil {
			return false, fmt.Errorf("list the configs: %w", err)
		}
		if _, ok := format.ParseConfigName(o.Name); ok && !o.Hidden {
			return false, nil
		}
	}
	return true, nil
}

// HiddenManifests returns how many manifests this run found only as older versions, because
// somebody deleted or replaced them in a bucket that keeps versions. They are read all the same.
func (r *Repo) HiddenManifests() (n int) {
	for _, name := range r.objects.Store.Replaced() {
		if kind, ok := format.KindOf(name); ok && kind == format.KindManifest {
			n++
		}
	}
	return n
}
