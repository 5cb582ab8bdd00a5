// Package items restores scripts, calendars and address books to servers (server.go finds or makes
// the collections, batch.go compares and stores their items, mirror.go removes others) and as files
// (files.go). equivalent.go says which contents count as the same.
//
// A restore only adds, unless it is to be exact. It leaves an item that the target has under the
// same name, and says whether it has the archived content. So the same restore again adds nothing.
package items

import (
	"context"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
)

// Options say what is restored.
type Options struct {
	Contents    *archive.Contents
	Wants       func(*manifest.ItemSource, *manifest.Collection, *manifest.Item) bool // nil: everything
	Collections func(*manifest.ItemSource, *manifest.Collection) bool                 // nil: all
	Overwrite   bool                                                                  // replace items of the target that differ
	Activate    bool                                                                  // make the server run the script that it ran
	Mirror      *Mirror                                                               // makes the target have nothing else; nil: a restore only adds. Only ToServer has it
	DryRun      bool                                                                  // change nothing
	Done        func(Event)                                                           // called for each item and each new collection, one call at a time; may be nil
}

// Event is what happened to an item, or to a collection if it has no Item.
type Event struct {
	Kind       manifest.SourceKind
	Collection string // what people see
	Item       string
	Outcome    Outcome
	Err        error // why it failed
}

// Outcome is what a restore did, or would do.
type Outcome string

// The outcomes.
const (
	Added     Outcome = "added"
	Replaced  Outcome = "replaced"
	Present   Outcome = "there already"
	Differing Outcome = "there with another content"
	Failed    Outcome = "failed"
	Removed   Outcome = "removed"
	Left      Outcome = "not removed"
)

// Report counts items by what happened to them.
type Report struct {
	Added, Replaced, Present, Differing, Failed int64
	Collections                                 int64 // that were made
	Removed, Left, CollectionsRemoved           int64 // of what the manifest does not have; Left counts collections, too
}

// Add adds the counts of another report.
func (r *Report) Add(o Report) {
	r.Added += o.Added
	r.Replaced += o.Replaced
	r.Present += o.Present
	r.Differing += o.Differing
	r.Failed += o.Failed
	r.Collections += o.Collections
	r.Removed += o.Removed
	r.Left += o.Left
	r.CollectionsRemoved += o.CollectionsRemoved
}

// job is a restore under way.
type job struct {
	Options
	mu     sync.Mutex // of done
	report Report
}

func (j *job) selected(s *manifest.ItemSource, c *manifest.Collection) bool {
	return j.Collections == nil || j.Collections(s, c)
}

func (j *job) wants(s *manifest.ItemSource, c *manifest.Collection, it *manifest.Item) bool {
	return j.Wants == nil || j.Wants(s, c, it)
}

func (j *job) done(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case e.Outcome == Failed:
		j.report.Failed++
	case e.Outcome == Left:
		j.report.Left++
	case e.Outcome == Removed && e.Item == "":
		j.report.CollectionsRemoved++
	case e.Outcome == Removed:
		j.report.Removed++
	case e.Item == "":
		j.report.Collections++
	case e.Outcome == Added:
		j.report.Added++
	case e.Outcome == Replaced:
		j.report.Replaced++
	case e.Outcome == Present:
		j.report.Present++
	case e.Outcome == Differing:
		j.report.Differing++
	}
	if j.Done != nil {
		j.Done(e)
	}
}

// wanted returns the wanted items of a collection. Pages that cannot be read are events.
func (j *job) wanted(
	ctx context.Context, s *manifest.ItemSource, c *manifest.Collection,
) (items []manifest.Item, err error) {
	for it, err := range j.Contents.Items(ctx, c) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && !archive.IsDamage(err):
			return nil, err
		case err != nil:
			j.done(Event{s.Kind, c.Title(), "", Failed, err})
		case j.wants(s, c, it):
			items = append(items, *it)
		}
	}
	return items, nil
}

// content reads an item of the archive. If it cannot be read, that is an event, and ok is false.
func (j *job) content(
	ctx context.Context, s *manifest.ItemSource, c *manifest.Collection, it *manifest.Item,
) (content []byte, ok bool, err error) {
	content, err = j.Contents.ItemContent(ctx, it)
	switch {
	case err == nil:
		return content, true, nil
	case ctx.Err() != nil:
		return nil, false, context.Cause(ctx)
	case !archive.IsDamage(err):
		return nil, false, err
	}
	j.done(Event{s.Kind, c.Title(), it.Name, Failed, err})
	return nil, false, nil
}

// sources yields the sources that can be read.
func (j *job) sources(ctx context.Context, each func(*manifest.ItemSource) error) error {
	for s, err := range j.Contents.ItemSources(ctx) {
		if err != nil {
			if ctx.Err() != nil || !archive.IsDamage(err) {
				return err
			}
			j.done(Event{Outcome: Failed, Err: err})
			continue
		}
		if err := each(s); err != nil {
			return err
		}
	}
	return nil
}
