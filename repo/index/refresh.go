package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// looks is how often segments are listed before what is not right then is done without.
const maxListings = 3

// refresh lists the segments and fetches those that are new. A segment that vanishes meanwhile was merged into
// another, which a second listing shows; so does it what a damaged file held, which went.
func (x *Index) refresh(ctx context.Context) error {
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	for look := range maxListings {
		now := time.Now()
		usable, err := x.fetchNew(ctx, look == maxListings-1)
		if err == nil && usable {
			x.listedAt = now
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return err
		}
	}
	return errUnsettled
}

// errUnsettled: the index could not be read as of one moment, so a chunk that is not in it does not count as lost.
var errUnsettled = errors.New("the index segments, or the cache of them, change faster than they can be read")

// refreshSince refreshes unless that was done after t.
func (x *Index) RefreshSince(ctx context.Context, t time.Time) error {
	x.refreshing.Lock()
	fresh := x.listedAt.After(t)
	x.refreshing.Unlock()
	if fresh {
		return nil
	}
	return x.refresh(ctx)
}

// refreshOnMiss refreshes, unless that was done a moment ago and after the last manifest was read: what a manifest names
// was indexed before it was put. Whoever missed something asks again in any case: another may have refreshed meanwhile.
func (x *Index) RefreshOnMiss(ctx context.Context) error {
	x.refreshing.Lock()
	recent := time.Since(x.listedAt) < refreshPause && !x.listedAt.Before(x.Source.ManifestRead())
	x.refreshing.Unlock()
	if recent {
		return nil
	}
	return x.refresh(ctx)
}

// fetchNew reports whether all files can be used: none was damaged, and none holds a segment that the store has no
// more. What such a segment said may still be true, but a store that was emptied or set back must not be taken for full.
// last: a segment that is listed and yet not there is done without.
func (x *Index) fetchNew(ctx context.Context, last bool) (usable bool, err error) {
	before := x.heldSegments()
	listed, unknown, err := x.list(ctx)
	if err != nil {
		return false, err
	}
	usable = true
	for some := range slices.Chunk(unknown, fetchedTogether) {
		if err := x.fetchAll(ctx, some, last); err != nil {
			return false, err
		}
		usable = x.compact() && usable
	}
	replaced := x.replaced()
	for _, f := range x.openedFiles() {
		if slices.ContainsFunc(f.segments, func(s [32]byte) bool { return before[s] && !listed[s] && !replaced[s] }) {
			usable = !x.discard(f) && usable
		}
	}
	x.dropUnlisted(listed)
	return usable, nil
}

// listedObject is an index segment in a listing.
type listedObject struct {
	store.Object
	hash [32]byte
}

// list lists the segments, and those of them that nothing is known of yet.
func (x *Index) list(ctx context.Context) (listed map[[32]byte]bool, unknown []listedObject, err error) {
	listed = map[[32]byte]bool{}
	for o, err := range x.Store.List(ctx, format.KindIndex.Folder()) {
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

// Segments are fetched several at a time, and their files merged after every so many.
const (
	fetchers        = 8
	fetchedTogether = 64
)

// fetchAll fetches segments, or of large ones what it takes to look into them. One that cannot be read is noted and done
// without, for all are only what packs say of themselves.
func (x *Index) fetchAll(ctx context.Context, segments []listedObject, last bool) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	for _, s := range segments {
		group.Go(func() error {
			take := x.fetch
			if s.Size > requestCost {
				take = x.openRemote
			}
			return x.skipUnreadable(s, take(ctx, s), last)
		})
	}
	return group.Wait()
}

// outcome takes what is the fault of one segment for an answer.
func (x *Index) skipUnreadable(s listedObject, err error, last bool) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, format.ErrDamaged) || errors.Is(err, format.ErrNotMine) || errors.Is(err, store.ErrRange) || last && errors.Is(err, store.ErrNotExist):
		x.skip(s.hash, err)
		return nil
	}
	return fmt.Errorf("read %s: %w", s.Name, err)
}

// replaced is which segments those at hand replace: that these are not listed any more is as it should be.
func (x *Index) replaced() map[[32]byte]bool {
	all := map[[32]byte]bool{}
	for _, f := range x.openedFiles() {
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

// held is which segments the files hold now.
func (x *Index) heldSegments() map[[32]byte]bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return maps.Clone(x.held)
}

// fetch makes a flat file of a segment.
func (x *Index) fetch(ctx context.Context, s listedObject) error {
	seg, done, err := x.Source.OpenSegment(ctx, s.Name, s.hash)
	if err != nil {
		return err
	}
	defer done()
	return x.Source.WriteCache(func() error { return x.writeSegment(seg, s.hash) })
}

// flatten makes a flat file of a segment.
func (x *Index) writeSegment(seg *format.Segment, hash [32]byte) error {
	w, err := NewFileWriter(x.Source.IndexDir(), x.owner())
	if err != nil {
		return err
	}
	for e, err := range seg.Entries() {
		if err == nil {
			err = w.Add(e)
		}
		if err != nil {
			w.Abandon()
			return err
		}
	}
	return x.finishFile(w, x.path([][32]byte{hash}), seg.Packs, [][32]byte{hash}, seg.Inputs())
}
