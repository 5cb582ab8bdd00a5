package repo

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/prune"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// What a Prune does, and what it reports.
type (
	PruneOptions = prune.Options
	PruneReport  = prune.Report
	Amount       = prune.Amount
	Walk         = prune.Walk
	Reach        = prune.Reach
)

// Compression is how much work a prune spends on compression.
type Compression = format.Compression

// The compressions: UsualCompression is that of backups, MaxCompression takes fifty times the time.
const (
	UsualCompression = format.Usual
	MaxCompression   = format.Max
)

// segmentLimits are the limits of the segments of the index; tests set others.
var segmentLimits = prune.UsualLimits()

// Prune deletes what no manifest needs (rules 7 to 10 of docs/design/removing.md). It condemns
// packs that are not needed, and deletes those that were condemned a day ago and are still not
// needed. Several prunes may run at once, beside any number of runs. A prune may be killed at any
// point; the next one continues. It needs the owner's key.
func (r *Repo) Prune(ctx context.Context, o PruneOptions, walk Walk) (*PruneReport, error) {
	if !r.CanRemove() || !r.CanRead() {
		return nil, fmt.Errorf("removing needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := r.access.NoneRejected(); err != nil {
		return nil, err
	}
	run, err := r.begin(ctx)
	if err != nil {
		return new(PruneReport), err
	}
	on := prune.Repository{
		Objects: r.objects, Statements: r, Manifests: r.EveryManifest, Index: r.openIndex, Reader: r.readFrames,
		Now: run.checkedNow, Writer: run.copier, Limits: segmentLimits,
	}
	report, err := prune.Run(ctx, on, o, walk)
	if err == nil && !o.DryRun {
		err = run.renewAfterPrune(ctx, report, o.Progress)
	}
	return report, err
}

// copier returns a Writer for a prune. One stream puts all chunks, so fewer frames are enough,
// which may be large.
func (run *Run) copier(ctx context.Context, c prune.Copying) (prune.Writer, error) {
	w, err := run.Writer(ctx)
	if err != nil {
		return nil, err
	}
	w.listed, w.avoid = c.Listed, c.Avoid
	for i := range w.builders {
		w.builders[i].fill = true
	}
	w.free = newFreeFrames(1, c.Compression)
	return copier{w}, nil
}

// copier is a Writer as a prune.Writer.
type copier struct{ *Writer }

func (c copier) Stored() (objects, bytes int64) {
	stats := c.Stats()
	return stats.Objects, stats.Stored
}

// renewAfterPrune renews the retention of all objects before a run has to, because the run's
// credentials may not allow it.
func (run *Run) renewAfterPrune(ctx context.Context, report *PruneReport, progress func(Progress)) error {
	lock := run.r.Lock()
	if lock == nil {
		return nil
	}
	done, err := run.r.locks().Renew(ctx, run.Start(), lock.Interval()/2, progress)
	report.Renewed, report.Locks = done.Renewed, done.Err
	if changed := run.r.objects.Store.CheckDefault(ctx); errors.Is(changed, objectlock.ErrDefault) {
		report.Locks = errors.Join(report.Locks, changed)
	} else if err == nil {
		err = changed
	}
	return err
}
