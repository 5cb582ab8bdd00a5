package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/internal/repair"
)

// Repaired counts what RepairPacks did.
type Repaired = repair.Repaired

// RepairPacks repairs packs that are damaged or missing. It stores the chunks that it can still
// read in new packs, reports the frames that it cannot read, and condemns the damaged packs. Then
// no run relies on their chunks, and the next backup stores again those that it meets. It needs the
// owner's key.
func (r *Repo) RepairPacks(ctx context.Context, packs []format.Pack, report func(Problem)) (Repaired, error) {
	if !r.CanRead() || !r.CanRemove() {
		return Repaired{}, fmt.Errorf("repairing packs needs the owner's key: %w", ErrNoRole)
	}
	writer := func(ctx context.Context, avoid map[format.Pack]bool) (repair.Writer, error) {
		run, err := r.Begin(ctx)
		if err != nil {
			return nil, err
		}
		w, err := run.Writer(ctx)
		if err != nil {
			return nil, err
		}
		w.avoid = avoid
		return w, nil
	}
	on := repair.Repository{Objects: r.objects, Index: r.openIndex, Reader: r.readFrames, Writer: writer}
	done, err := repair.Packs(ctx, on, packs, report)
	if err != nil {
		return done, err
	}
	return done, r.Condemn(ctx, packs)
}

// readFrames returns a function that reads frames, each once.
func (r *Repo) readFrames() objects.ReadFrame {
	return r.Reader(ReaderOptions{CacheBytes: 1}).fetchFrame
}

// Reindex indexes the packs that no index segment names, after segments were lost, or to use what
// an interrupted run has stored. It skips condemned packs, reports packs that it cannot read, and
// returns how many packs it indexed. It needs the owner's key, because no other key opens packs of
// mail. Damaged segments are removed first, if the store allows that.
func (r *Repo) Reindex(ctx context.Context, report func(Problem)) (packs int, err error) {
	if !r.CanRead() {
		return 0, fmt.Errorf("indexing packs of mail needs the owner's key: %w", ErrNoRole)
	}
	return repair.Index(ctx, r.objects, r.Condemned, segmentLimits.Largest.Packs, report)
}
