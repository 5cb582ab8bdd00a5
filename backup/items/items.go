// Package items reads the scripts, calendars and address books of an account into what a manifest
// records of them.
//
// A run asks a source for its collections. A collection whose sync token or ctag is as in the
// parent is not read. Of the others it lists the items, or what changed, and reads those whose
// ETags differ. What cannot be read stays as in the parent, and is named among the failures, so a
// source that fails never looks like one that was emptied. See docs/design/collections.md.
package items

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/manifest"
)

// Reader reads sources. One goroutine uses it.
type Reader struct {
	Load  manifest.Load                                                       // loads chunks of the parent
	Put   manifest.Put                                                        // stores a chunk of the catalog
	Write func(context.Context, manifest.Item, []byte) (manifest.Item, error) // stores the content of an item
	Same  func(old *manifest.Item, content []byte) bool                       // whether the content is that of an archived item
	Fail  func(format string, args ...any)                                    // records a failure
	Warn  func(format string, args ...any)                                    // records a warning
	Now   time.Time                                                           // by the clock of the store

	// GiveUp returns why reading must end before everything is read. What was read by then is
	// recorded, and the next run reads the rest. Nil: it may take as long as it does.
	GiveUp func() error

	Items, Bytes int64 // that were read
}

// Read reads a source. before is what the parent has of it; nil: nothing. It returns an error only
// if the run must end.
func (r *Reader) Read(
	ctx context.Context, from collection.Source, before *manifest.ItemSource,
) (manifest.ItemSource, error) {
	now := manifest.ItemSource{Kind: manifest.SourceKind(from.Kind()), URL: from.URL(), Observed: r.Now}
	var server []collection.Field
	var listed []collection.Collection
	err := r.giveUp()
	if err == nil {
		server, listed, err = from.Open(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			return now, context.Cause(ctx)
		}
		r.Fail("%s of %s: %v", plural(from.Kind()), from.URL(), err)
		if before != nil {
			return Inherit(*before), nil
		}
		return now, nil
	}
	now.Complete = true
	for _, f := range server {
		now.Server = append(now.Server, manifest.Field{Name: f.Name, Value: f.Value})
	}
	slices.SortFunc(listed, func(a, b collection.Collection) int { return cmp.Compare(a.Path, b.Path) })
	for _, c := range listed {
		read := &run{Reader: r, from: from, listed: c, kind: from.Kind()}
		read.before = find(before, c.Path)
		read.moved = before != nil && before.URL != now.URL
		found, err := read.collection(ctx)
		if err != nil {
			return now, err
		}
		now.Complete = now.Complete && found.Complete
		now.Collections = append(now.Collections, found)
	}
	if same(before, &now) {
		now.Observed = before.Observed
	}
	return now, nil
}

func (r *Reader) giveUp() error {
	if r.GiveUp == nil {
		return nil
	}
	return r.GiveUp()
}

// Inherit returns what the parent has of a source that could not be read.
func Inherit(s manifest.ItemSource) manifest.ItemSource {
	s.Complete, s.Inherited = false, true
	return s
}

// same reports whether two records say the same but for the times.
func same(before, now *manifest.ItemSource) bool {
	if before == nil || len(before.Collections) != len(now.Collections) {
		return false
	}
	copied := *now
	copied.Observed = before.Observed
	copied.Collections = slices.Clone(now.Collections)
	for i := range copied.Collections {
		copied.Collections[i].Listed = before.Collections[i].Listed
	}
	a, errA := manifest.EncodeItemSource(before)
	b, errB := manifest.EncodeItemSource(&copied)
	return errA == nil && errB == nil && string(a) == string(b)
}

func find(s *manifest.ItemSource, path string) *manifest.Collection {
	if s == nil {
		return nil
	}
	for i := range s.Collections {
		if s.Collections[i].Path == path {
			return &s.Collections[i]
		}
	}
	return nil
}

// run reads one collection.
type run struct {
	*Reader
	from   collection.Source
	kind   collection.Kind
	listed collection.Collection
	before *manifest.Collection // nil: the parent does not have it
	moved  bool                 // before is of another URL: its ETags and tokens mean nothing
	failed bool
	gone   []string // items that were listed, and that the server did not find then
	broken error    // why the repository cannot be written to
}

func (r *run) fail(format string, args ...any) {
	r.failed = true
	r.Fail("%s %q of %s: %s", r.kind, cmp.Or(r.listed.Name, r.listed.Path), r.from.URL(), fmt.Sprintf(format, args...))
}

// collection reads the collection, unless it is as in the parent.
func (r *run) collection(ctx context.Context) (manifest.Collection, error) {
	found := manifest.Collection{
		Path: r.listed.Path, Name: r.listed.Name, SyncToken: r.listed.SyncToken, CTag: r.listed.CTag, Complete: true,
	}
	listAll := r.mustListAll()
	for _, f := range r.listed.Properties {
		found.Properties = append(found.Properties, manifest.Field{Name: f.Name, Value: f.Value})
	}
	if !listAll && r.unchanged() {
		found.Items, found.Bytes, found.Pages, found.Listed = r.before.Items, r.before.Bytes, r.before.Pages, r.before.Listed
		return found, nil
	}
	old, err := r.archived()
	if err != nil {
		return found, err
	}
	token := ""
	if r.before != nil && r.before.Complete && !r.moved && !listAll {
		token = r.before.SyncToken
	}
	var listing collection.Listing
	if err = r.giveUp(); err == nil {
		listing, err = r.from.List(ctx, r.listed, token)
	}
	if err != nil {
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		r.fail("%v", err)
		found.Complete, found.SyncToken, found.CTag = false, "", ""
		if r.before != nil {
			found.Inherited = true
			found.Items, found.Bytes, found.Pages, found.Listed = r.before.Items, r.before.Bytes, r.before.Pages, r.before.Listed
		}
		return found, nil
	}
	found.SyncToken = listing.SyncToken
	switch {
	case listing.Since:
		found.Listed = r.before.Listed
	case r.kind != collection.Sieve && found.SyncToken+found.CTag != "":
		found.Listed = r.Now
	}
	items, err := r.items(ctx, listing, old)
	if err != nil {
		return found, err
	}
	if r.failed {
		found.Complete, found.SyncToken, found.CTag = false, "", ""
	}
	sorted := make([]manifest.Item, 0, len(items))
	for _, name := range slices.Sorted(maps.Keys(items)) {
		sorted = append(sorted, items[name])
	}
	return found, found.PutItems(sorted, r.Put)
}

// unchanged reports whether the server says that the collection is as it was when all of it was
// read.
func (r *run) unchanged() bool {
	if r.before == nil || !r.before.Complete || r.moved {
		return false
	}
	if r.listed.SyncToken != "" && r.before.SyncToken != "" {
		return r.listed.SyncToken == r.before.SyncToken
	}
	return r.listed.CTag != "" && r.listed.CTag == r.before.CTag
}

// archived returns the items that the parent has. If these cannot be read, all items are read
// again.
func (r *run) archived() (map[string]manifest.Item, error) {
	old := make(map[string]manifest.Item)
	if r.before == nil {
		return old, nil
	}
	for item, err := range r.before.AllItems(r.Load) {
		if err != nil {
			r.Warn("some records of an earlier manifest are damaged, so %s %q is read again: %v",
				r.kind, r.listed.Path, err)
			r.before = nil
			return make(map[string]manifest.Item), nil
		}
		was := *item
		if r.moved {
			was.ETag = ""
		}
		old[item.Name] = was
	}
	return old, nil
}

// items returns what the collection has: of what did not change, the archived items.
func (r *run) items(
	ctx context.Context, listing collection.Listing, old map[string]manifest.Item,
) (map[string]manifest.Item, error) {
	r.respell(&listing, old)
	now := make(map[string]manifest.Item)
	if listing.Since {
		now = maps.Clone(old)
		for _, name := range listing.Removed {
			delete(now, name)
		}
	}
	var wanted []collection.Listed
	for _, item := range listing.Items {
		was, known := old[item.Name]
		switch {
		case item.Name == "" || len(item.Name) > manifest.MaxItemName:
			r.fail("%.80q: a name of %d bytes, at most %d can be recorded",
				item.Name, len(item.Name), manifest.MaxItemName)
			continue
		case len(item.ETag) > manifest.MaxItemName:
			item.ETag = ""
		}
		if known && collection.SameETag(item.ETag, was.ETag) && item.Active == was.Active {
			now[item.Name] = was
			continue
		}
		delete(now, item.Name)
		wanted = append(wanted, item)
	}
	if len(wanted) == 0 {
		return now, nil
	}
	err := r.from.Read(ctx, r.listed, wanted, func(item collection.Item, err error) error {
		return cmp.Or(r.got(ctx, item, err, now, old), r.giveUp())
	})
	switch {
	case r.broken != nil:
		return now, r.broken
	case ctx.Err() != nil:
		return now, context.Cause(ctx)
	case err == nil:
		r.confirmGone(ctx, now, old)
		return now, context.Cause(ctx)
	}
	r.fail("%v", err)
	for _, item := range wanted { // those that were not read stay as they were
		if _, read := now[item.Name]; !read {
			r.keep(item.Name, now, old)
		}
	}
	return now, nil
}

// respell gives the items of a listing the names that they have in the parent, if a server encodes
// names otherwise than before. Else they would be read again, and those of before would stay beside
// them.
func (r *run) respell(listing *collection.Listing, old map[string]manifest.Item) {
	var archived collection.Spelling
	for name := range old {
		archived.Know(name)
	}
	now := make(map[string]bool)
	for _, item := range listing.Items {
		now[item.Name] = true
	}
	of := func(name string) string {
		if known := archived.Of(r.kind, name); !now[known] {
			return known
		}
		return name // it has both
	}
	for i := range listing.Items {
		listing.Items[i].Name = of(listing.Items[i].Name)
	}
	for i := range listing.Removed {
		listing.Removed[i] = of(listing.Removed[i])
	}
}

// got records an item that was read.
func (r *run) got(ctx context.Context, item collection.Item, err error, now, old map[string]manifest.Item) error {
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, collection.ErrGone):
		r.gone = append(r.gone, item.Name)
		return nil
	default:
		r.fail("%q: %v", item.Name, err)
		r.keep(item.Name, now, old)
		return nil
	}
	record := manifest.Item{Name: item.Name, ETag: item.ETag, Active: item.Active}
	if len(record.ETag) > manifest.MaxItemName || item.Doubtful { // then the next list has it read again
		record.ETag = ""
	}
	r.Items, r.Bytes = r.Items+1, r.Bytes+int64(len(item.Content))
	if was, known := old[item.Name]; known && r.Same(&was, item.Content) {
		was.ETag, was.Active = record.ETag, record.Active
		now[item.Name] = was
		return nil
	}
	stored, err := r.Write(ctx, record, item.Content)
	if err != nil {
		r.broken = err
		return err
	}
	now[item.Name] = stored
	return nil
}

// confirmGone lists the collection once more if items were not found. Those that are still listed
// are there, so they are failures, and stay as they are archived.
func (r *run) confirmGone(ctx context.Context, now, old map[string]manifest.Item) {
	if len(r.gone) == 0 {
		return
	}
	listing, err := r.from.List(ctx, r.listed, "")
	if err != nil {
		r.fail("%d items were not found, and they may still be there: %v", len(r.gone), err)
	}
	var listed collection.Spelling
	for _, item := range listing.Items {
		listed.Know(item.Name)
	}
	for _, name := range r.gone {
		there := listed.Knows(r.kind, name)
		if there {
			r.fail("%q: the server lists it and does not find it", name)
		}
		if there || err != nil {
			r.keep(name, now, old)
		}
	}
}

// keep keeps an item that could not be read as it is archived, without its ETag, so that the next
// run reads it.
func (r *run) keep(name string, now, old map[string]manifest.Item) {
	if was, known := old[name]; known {
		was.ETag = ""
		now[name] = was
	}
}

func plural(k collection.Kind) string {
	if k == collection.Sieve {
		return k.String()
	}
	return k.String() + "s"
}
