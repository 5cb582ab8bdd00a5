package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// maxListings is how often segments are listed before a segment that is listed and missing is
// skipped.
const maxListings = 3

// refresh lists the segments and fetches new ones. If one vanishes in between, it was merged into
// another, which the next listing shows. The next listing also shows the segments of a damaged file
// that was removed.
func (x *Index) refresh(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	return x.refreshLocked(ctx)
}

// refreshLocked is refresh for a caller that holds refreshing.
func (x *Index) refreshLocked(ctx context.Context) error {
	for listing := range maxListings {
		objects, began, early := x.listing(ctx)
		usable, err := x.fetchNew(ctx, objects, early, listing == maxListings-1)
		if err == nil && usable {
			x.listedAt = began
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return err
		}
	}
	return errUnsettled
}

// listing lists the objects of the index, and returns when that began. The first time it uses the
// listing of the options, which is early: the files may have segments that came later.
func (x *Index) listing(ctx context.Context) (objects iter.Seq2[store.Object, error], began time.Time, early bool) {
	if l := x.o.Listing; l != nil {
		x.o.Listing = nil
		return l.Objects(ctx), l.Began, true
	}
	return x.o.Store.List(ctx, format.KindIndex.Folder()), time.Now(), false
}

// errUnsettled reports that the index could not be read as of one moment, so a chunk that is not in
// it may still exist.
var errUnsettled = errors.New("the index segments, or the cache of them, change faster than they can be read")

// RefreshSince refreshes the index unless that was done after t.
func (x *Index) RefreshSince(ctx context.Context, t time.Time) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	if x.listedAt.After(t) {
		return nil
	}
	return x.refreshLocked(ctx)
}

// RefreshOnMiss refreshes the index, unless that was done a moment ago and after the last manifest
// was read: what a manifest names was indexed before the manifest was put. The caller repeats the
// lookup in any case: another goroutine may have refreshed.
func (x *Index) RefreshOnMiss(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	if time.Since(x.listedAt) < refreshPause && !x.listedAt.Before(x.o.Repository.ManifestRead()) {
		return nil
	}
	return x.refreshLocked(ctx)
}

// fetchNew takes a listing of the segments and fetches new ones. It reports whether all files can
// be used: none was damaged, and none holds a segment that has vanished from the store without a
// replacement. The entries of such a segment may still be true, but a store that was emptied or set
// back must not seem full. early: it did not vanish, if another process of this host fetched it
// after the listing began. last: skip a segment that is listed and missing.
func (x *Index) fetchNew(
	ctx context.Context, objects iter.Seq2[store.Object, error], early, last bool,
) (usable bool, err error) {
	before := x.files.segments()
	listed, unknown, err := x.list(objects)
	if err != nil {
		return false, err
	}
	if err := x.fetchAll(ctx, unknown, last); err != nil {
		return false, err
	}
	usable = x.files.compact()
	replaced := x.replaced()
	for _, f := range x.files.snapshot() {
		if slices.ContainsFunc(f.segments, func(s [32]byte) bool { return before[s] && !listed[s] && !replaced[s] }) {
			usable = !early && !x.files.discard(f) && usable
		}
	}
	x.dropRemotes(func(s *remoteSegment) bool { return !listed[s.hash] })
	return usable, nil
}

// listedObject is an index segment in a listing.
type listedObject struct {
	store.Object
	hash [32]byte
}

// list takes a listing of the segments, and returns separately those whose entries are not known.
func (x *Index) list(objects iter.Seq2[store.Object, error]) (listed map[[32]byte]bool, unknown []listedObject, err error) {
	listed = map[[32]byte]bool{}
	for o, err := range objects {
		if err != nil {
			return nil, nil, fmt.Errorf("list the index: %w", err)
		}
		hash, ok := store.ParseHash(strings.TrimPrefix(o.Name, format.KindIndex.Folder()))
		listed[hash] = ok
		if ok && !x.has(hash) {
			unknown = append(unknown, listedObject{Object: o, hash: hash})
		}
	}
	return listed, unknown, nil
}

// skipUnreadable skips a segment if err concerns only that segment; any other error it returns.
func (x *Index) skipUnreadable(s listedObject, err error, last bool) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, format.ErrDamaged) || errors.Is(err, format.ErrNotMine) || errors.Is(err, store.ErrRange) ||
		last && errors.Is(err, store.ErrNotExist):
		x.skip(s.hash, err)
		return nil
	}
	return fmt.Errorf("read %s: %w", s.Name, err)
}

// replaced returns the segments that known segments replace. They may be gone from the store.
func (x *Index) replaced() map[[32]byte]bool {
	all := map[[32]byte]bool{}
	for _, f := range x.files.snapshot() {
		for _, s := range f.inputs {
			all[s] = true
		}
	}
	for _, s := range x.remotes() {
		for _, input := range s.inputs {
			all[input] = true
		}
	}
	return all
}
