package repo

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// A manifest with an alarm is put twice, first below alarms/ and then below manifests/. So a
// listing of alarms/ finds every alarm, however long ago it was, without reading the manifests of
// all nights.

// Alarms lists the manifests that have an alarm, the newest of each account first. A Head is as
// Manifests returns it, except that Stored may be a moment earlier. Some of these manifests may not
// exist: their run was interrupted, or they were deleted.
func (r *Repo) Alarms(ctx context.Context) iter.Seq2[Head, error] {
	list := func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
		return func(yield func(store.Object, error) bool) {
			for o, err := range r.objects.Store.List(ctx, prefix) {
				o.Name, _ = format.ParseAlarmName(o.Name)
				if !yield(o, err) {
					return
				}
			}
		}
	}
	return r.listHeads(ctx, headListing{
		prefix: format.KindAlarm.Folder(), list: list, marks: r.readMarks(objects.Concerns),
	})
}

// EnsureAlarm puts a manifest that has an alarm below alarms/, if it is not there: a program before
// December 2026 wrote it, a thief of a writer's key who does not want it to be found, or the store
// lost the object.
func (r *Repo) EnsureAlarm(ctx context.Context, h Head) error {
	name := format.AlarmName(h.Name)
	if listed, err := r.objects.Exists(ctx, name); err != nil || listed {
		return err
	}
	stored, err := objects.Fetch(ctx, r.objects.Store, h.Name)
	if err != nil {
		return fmt.Errorf("read %s: %w", h.Name, err)
	}
	if err := r.objects.Put(ctx, name, stored); err != nil && !errors.Is(err, store.ErrExist) {
		return err
	}
	return nil
}
