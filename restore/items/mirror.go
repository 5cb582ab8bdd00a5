package items

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/manifest"
)

// Mirror makes a restore to a server exact: it also removes what the manifest does not have, after
// everything was added. Only what is there before the first change, and still is as it was, is
// removed.
type Mirror struct {
	// Confirm is called before anything is changed, if anything would be replaced or removed. Its
	// error ends the restore. If it is nil, nobody is asked.
	Confirm func(ctx context.Context, plan Plan) error

	Whole          bool   // also remove collections that the manifest does not have
	Alarm          string // why the account may have had more before, as a sentence (archive.Suspect); empty: nothing is known
	Acknowledged   bool   // somebody has acknowledged the alarm of the manifest itself
	EvenIncomplete bool   // also if the manifest may lack items, or the target refuses some
}

// Plan is what an exact restore would do to a target.
type Plan struct {
	Kind            collection.Kind
	Added, Replaced int64
	Surplus         []string // items that the manifest does not have: what people see of the collection, and the name
	Collections     []string // that the manifest does not have
}

// errNoMirror is wrapped by the errors of ToServer if removing items from the target is not safe.
var errNoMirror = errors.New("nothing is pruned")

// mirroring is what an exact restore removes.
type mirroring struct {
	*job
	target  collection.Target
	surplus []surplus
	extra   []collection.Collection // that the manifest does not have
}

type surplus struct {
	from collection.Collection
	item collection.Listed
}

// planMirror finds what is surplus at the target, and asks whether it may go.
func (j *job) planMirror(
	ctx context.Context, target collection.Target, there []collection.Collection,
) (*mirroring, error) {
	switch m := j.Contents.Manifest; {
	case m.State != manifest.Complete:
		return nil, fmt.Errorf("%w: the manifest is a checkpoint of an incomplete run", errNoMirror)
	case j.Mirror.EvenIncomplete:
	case len(m.Alarm) > 0 && !j.Mirror.Acknowledged:
		return nil, fmt.Errorf("%w: the account had shrunk suspiciously when the manifest was written", errNoMirror)
	case j.Mirror.Alarm != "":
		return nil, fmt.Errorf("%w: the manifest may lack what the account lost before: %s",
			errNoMirror, j.Mirror.Alarm)
	}
	m := &mirroring{job: j, target: target}
	used := make(map[string]bool)
	for s, err := range j.Contents.ItemSources(ctx) {
		if err != nil {
			return nil, err
		}
		if collection.Kind(s.Kind) != target.Kind() {
			continue
		}
		if !s.Complete && (len(s.Collections) == 0 || j.Mirror.Whole && !j.Mirror.EvenIncomplete) {
			return nil, fmt.Errorf("%w: the manifest may lack some of %s", errNoMirror, s.URL)
		}
		for i := range s.Collections {
			t := &toServer{job: j, target: target, source: s, from: &s.Collections[i], used: used}
			if err := m.compare(ctx, t, there); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range there {
		if !j.Mirror.Whole || used[c.Path] {
			continue
		}
		m.extra = append(m.extra, c)
		if err := m.list(ctx, c, new(collection.Spelling)); err != nil {
			return nil, err
		}
	}
	return m, m.confirm(ctx, there)
}

// compare finds the items of the target that an archived collection does not have.
func (m *mirroring) compare(ctx context.Context, t *toServer, there []collection.Collection) error {
	if !t.selected(t.source, t.from) {
		return nil
	}
	if (!t.from.Complete || t.from.Inherited) && !t.Mirror.EvenIncomplete {
		return fmt.Errorf("%w: %s %q is incomplete in the manifest", errNoMirror, t.target.Kind(), t.from.Title())
	}
	to := t.match(there)
	if to == nil {
		return nil
	}
	t.used[to.Path] = true
	archived := new(collection.Spelling)
	for it, err := range t.Contents.Items(ctx, t.from) {
		if err != nil {
			return err
		}
		archived.Know(it.Name)
	}
	return m.list(ctx, *to, archived)
}

// list adds the items of a collection of the target that are not among the archived ones.
func (m *mirroring) list(ctx context.Context, c collection.Collection, archived *collection.Spelling) error {
	listing, err := m.target.List(ctx, c, "")
	if err != nil {
		return fmt.Errorf("%s %q: %w", m.target.Kind(), titleOf(c), err)
	}
	for _, item := range listing.Items {
		if !archived.Knows(m.target.Kind(), item.Name) {
			m.surplus = append(m.surplus, surplus{c, item})
		}
	}
	return nil
}

func titleOf(c collection.Collection) string {
	if c.Name != "" {
		return c.Name
	}
	return c.Path
}

// confirm asks whether the target may be changed, if anything of it would be.
func (m *mirroring) confirm(ctx context.Context, there []collection.Collection) error {
	if m.DryRun || m.Mirror.Confirm == nil {
		return nil
	}
	o := m.Options
	o.DryRun, o.Done = true, nil
	dry := &job{Options: o}
	if err := dry.toServer(ctx, m.target, there); err != nil {
		return err
	}
	if n := dry.report.Failed; n > 0 && !m.Mirror.EvenIncomplete {
		return fmt.Errorf("%w: %d items cannot be read or compared", errNoMirror, n)
	}
	plan := Plan{Kind: m.target.Kind(), Added: dry.report.Added, Replaced: dry.report.Replaced}
	for _, s := range m.surplus {
		plan.Surplus = append(plan.Surplus, titleOf(s.from)+" "+s.item.Name)
	}
	for _, c := range m.extra {
		plan.Collections = append(plan.Collections, titleOf(c))
	}
	if plan.Replaced == 0 && len(plan.Surplus)+len(plan.Collections) == 0 {
		return nil
	}
	return m.Mirror.Confirm(ctx, plan)
}

// remove removes what is surplus.
func (m *mirroring) remove(ctx context.Context) error {
	event := func(c collection.Collection, item string, err error) {
		outcome := Removed
		if err != nil {
			outcome = Left
		}
		m.done(Event{manifest.SourceKind(m.target.Kind()), titleOf(c), item, outcome, err})
	}
	if m.DryRun {
		for _, s := range m.surplus {
			event(s.from, s.item.Name, nil)
		}
		for _, c := range m.extra {
			event(c, "", nil)
		}
		return nil
	}
	if n := m.report.Failed + m.report.Differing; n > 0 && !m.Mirror.EvenIncomplete {
		return fmt.Errorf("%w: %d items were not restored", errNoMirror, n)
	}
	writes := newWrites(m.target)
	for _, s := range m.surplus {
		err := writes.start(ctx, 0, func() error {
			err := m.target.Delete(ctx, s.from, s.item)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			event(s.from, s.item.Name, err)
			return nil
		})
		if err != nil {
			return errors.Join(err, writes.wait())
		}
	}
	if err := writes.wait(); err != nil {
		return err
	}
	for _, c := range m.extra {
		event(c, "", m.removeCollection(ctx, c))
	}
	return context.Cause(ctx)
}

// removeCollection removes a collection, if nothing is left in it.
func (m *mirroring) removeCollection(ctx context.Context, c collection.Collection) error {
	listing, err := m.target.List(ctx, c, "")
	switch {
	case err != nil:
		return err
	case len(listing.Items) > 0:
		return fmt.Errorf("it still has %d items", len(listing.Items))
	}
	return m.target.DeleteCollection(ctx, c)
}
