package items

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/manifest"
)

// ToServer restores the items of the target's kind to a server.
func ToServer(ctx context.Context, target collection.Target, o Options) (Report, error) {
	if o.Mirror != nil {
		o.Overwrite = true
	}
	j := &job{Options: o}
	_, there, err := target.Open(ctx)
	if err != nil {
		return j.report, err
	}
	var m *mirroring
	if o.Mirror != nil {
		if m, err = j.planMirror(ctx, target, there); err != nil {
			return j.report, err
		}
	}
	if err = j.toServer(ctx, target, there); err == nil && m != nil {
		err = m.remove(ctx)
	}
	return j.report, err
}

// toServer adds to a server, which has some collections.
func (j *job) toServer(ctx context.Context, target collection.Target, there []collection.Collection) error {
	there = slices.Clone(there)
	return j.sources(ctx, func(s *manifest.ItemSource) error {
		if collection.Kind(s.Kind) != target.Kind() {
			return nil
		}
		used := make(map[string]bool)
		for i := range s.Collections {
			t := &toServer{job: j, target: target, source: s, from: &s.Collections[i], used: used}
			if err := t.run(ctx, &there); err != nil {
				return err
			}
		}
		return nil
	})
}

// toServer restores one collection.
type toServer struct {
	*job
	target collection.Target
	source *manifest.ItemSource
	from   *manifest.Collection
	to     collection.Collection
	used   map[string]bool              // paths of the target that have another archived collection
	held   map[string]collection.Listed // what the target has, by name, as it is spelled in the archive
	writes *writes

	noGlance bool // the target does not answer about many items at once
}

func (t *toServer) event(item string, o Outcome, err error) {
	t.done(Event{t.source.Kind, t.from.Title(), item, o, err})
}

func (t *toServer) run(ctx context.Context, there *[]collection.Collection) error {
	if !t.selected(t.source, t.from) {
		return nil
	}
	items, err := t.wanted(ctx, t.source, t.from)
	if err != nil || len(items) == 0 && t.Wants != nil && t.Mirror == nil {
		return err
	}
	t.held = make(map[string]collection.Listed)
	if known := t.match(*there); known != nil {
		t.to, t.used[known.Path] = *known, true
		listing, err := t.target.List(ctx, t.to, "")
		if err != nil {
			return fmt.Errorf("%s %q: %w", t.target.Kind(), t.from.Title(), err)
		}
		var archived collection.Spelling
		for i := range items {
			archived.Know(items[i].Name)
		}
		for _, item := range listing.Items {
			item.Name = archived.Of(t.target.Kind(), item.Name)
			t.held[item.Name] = item
		}
	} else if made, err := t.create(ctx); err != nil {
		return err
	} else if !made {
		return nil
	} else {
		*there, t.used[t.to.Path] = append(*there, t.to), true
	}
	t.writes = newWrites(t.target)
	for batch := range batches(items) {
		if err = t.batch(ctx, batch); err != nil {
			break
		}
	}
	if err := errors.Join(err, t.writes.wait()); err != nil {
		return err
	}
	return t.activate(ctx, items)
}

// Activator is a target that runs one of its scripts.
type Activator interface {
	Activate(ctx context.Context, name string) error
}

// activate makes the server run the script that was active, if the restore is to do this and the
// target has it.
func (t *toServer) activate(ctx context.Context, items []manifest.Item) error {
	to, can := t.target.(Activator)
	if !t.Activate || t.DryRun || !can {
		return nil
	}
	for i := range items {
		if !items[i].Active {
			continue
		}
		if err := to.Activate(ctx, items[i].Name); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			t.event(items[i].Name, Failed, fmt.Errorf("make it active: %w", err))
		}
	}
	return nil
}

// match returns the collection of the target that the archived one is restored to: the one with the
// same path, or else with the same last segment of it, or else the only one with the same name. No
// other archived collection has it.
func (t *toServer) match(there []collection.Collection) *collection.Collection {
	c := t.from
	fits := []func(*collection.Collection) bool{
		func(o *collection.Collection) bool { return o.Path == c.Path },
		func(o *collection.Collection) bool { return lastSegment(o.Path) == lastSegment(c.Path) },
		func(o *collection.Collection) bool { return o.Name != "" && o.Name == c.Name },
	}
	for _, fit := range fits {
		var found []*collection.Collection
		for i := range there {
			if o := &there[i]; fit(o) && (o.Path == c.Path || !t.used[o.Path] && !t.archived(o.Path)) {
				found = append(found, o)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	return nil
}

// archived reports whether the archive has a collection with a path.
func (t *toServer) archived(path string) bool {
	return slices.ContainsFunc(t.source.Collections, func(c manifest.Collection) bool { return c.Path == path })
}

func lastSegment(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// create makes the collection. It reports whether items can be restored to it.
func (t *toServer) create(ctx context.Context) (bool, error) {
	t.to = collection.Collection{Path: t.from.Path, Name: t.from.Name}
	for _, p := range t.from.Properties {
		t.to.Properties = append(t.to.Properties, collection.Field{Name: p.Name, Value: p.Value})
	}
	if !t.DryRun {
		made, err := t.target.Create(ctx, t.to)
		if err != nil {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			t.event("", Failed, fmt.Errorf("make the collection: %w", err))
			return false, nil
		}
		t.to = made
	}
	t.event("", Added, nil)
	return true, nil
}
