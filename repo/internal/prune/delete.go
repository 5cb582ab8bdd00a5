package prune

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// deleter deletes objects for a prune, and reports what it does.
type deleter struct {
	Options
	r Repository

	mu     sync.Mutex // guards report while objects are deleted
	report Report
}

// deletesAtOnce is the number of objects that are deleted at once.
const deletesAtOnce = 32

// remove deletes objects, several at a time, and returns those that are gone. It goes on if the
// store retains one.
func (d *deleter) remove(
	ctx context.Context, step string, doomed []store.Object, done *Amount,
) (gone []store.Object, err error) {
	var now objects.Progress
	for _, o := range doomed {
		now.AllBytes += o.Size
	}
	now.Step, now.Of = step, int64(len(doomed))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(deletesAtOnce)
	for _, o := range doomed {
		group.Go(func() error {
			var err error
			if !d.DryRun {
				err = d.r.Store.Delete(groupCtx, o.Name)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			now.Done, now.Bytes = now.Done+1, now.Bytes+o.Size
			d.step(now)
			switch {
			case err == nil:
				gone = append(gone, o)
				done.add(o.Size)
			case errors.Is(err, store.ErrRetained):
				d.report.Retained.add(o.Size)
				d.leave(o.Name, err)
			default:
				return fmt.Errorf("delete %s: %w", o.Name, err)
			}
			return nil
		})
	}
	return gone, group.Wait()
}

// leave reports an object that stays.
func (d *deleter) leave(name string, err error) {
	if d.Left != nil {
		d.Left(name, err)
	}
}

// leaveUnreadable reports an object that stays because it cannot be read. It returns any other
// error.
func (d *deleter) leaveUnreadable(ctx context.Context, name string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrNotExist):
		return nil
	case objects.Concerns(err):
		d.leave(name, err)
		return nil
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// step reports progress, if the caller wants to know it.
func (d *deleter) step(now objects.Progress) {
	if d.Progress != nil {
		d.Progress(now)
	}
}

// removeAlarms deletes the alarms of manifests that are gone, or that this prune deletes. An alarm
// that is younger than a day may be of a manifest that is still to be put.
func (p *pruner) removeAlarms(ctx context.Context) error {
	stay := make(map[string]bool)
	for _, h := range p.roots {
		stay[format.AlarmName(h.Name)] = true
	}
	var doomed []store.Object
	for o, err := range p.r.Store.List(ctx, format.KindAlarm.Folder()) {
		if err != nil {
			return fmt.Errorf("list the alarms: %w", err)
		}
		if _, ok := format.ParseAlarmName(o.Name); ok && !stay[o.Name] && p.now.Sub(o.Time) >= clock.Grace {
			doomed = append(doomed, o)
		}
	}
	_, err := p.remove(ctx, "alarms deleted", doomed, new(Amount))
	return err
}
