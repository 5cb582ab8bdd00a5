package s3

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

// List implements store.Store. A page of up to 1,000 objects is held in memory, and some dozen
// pages if the listing is long (list_parts.go).
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return s.objects(ctx, &listing{prefix: s.prefix + prefix, divisible: true},
		strings.TrimSpace("list objects "+prefix))
}

// objects yields the objects of a listing, in parts if it is long.
func (s *Store) objects(ctx context.Context, l *listing, doing string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		l := *l // a sequence may be used again
		for o, err := range s.listFrom(ctx, &l, doing) {
			if !yield(o, err) || err != nil {
				return
			}
		}
		if l.parts != nil {
			s.listParts(ctx, l.parts, doing, yield)
		}
	}
}

// listFrom yields the objects of a listing from its last name on, with retries.
func (s *Store) listFrom(ctx context.Context, l *listing, doing string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		l.store, l.yield = s, yield
		t := s.newRetrier(doing)
		for {
			before := l.last
			err := l.read(ctx)
			if l.stopped || err == nil {
				return
			}
			if l.last != before {
				t = s.newRetrier(doing) // the listing has advanced, so this is another error
			}
			if err := t.pause(ctx, err); err != nil {
				yield(store.Object{}, s.explain(doing, err))
				return
			}
		}
	}
}

// listing is the state of a List.
type listing struct {
	store   *Store
	prefix  string // including the store's own
	page    int    // number of objects on a page; 0: as many as the store gives
	yield   func(store.Object, error) bool
	last    string // the last name that was yielded, or that a part begins after
	before  string // the last name of the present answer
	stopped bool   // by the caller

	divisible bool      // the rest after a page may be listed in parts
	parts     []listing // which then replace the rest
}

// A listing whose end is doubtful has ended if it is listed again, and has no new name.
const (
	mostKnown = 2  // so many times: the store begins at the first name again, so it never lists nothing
	mostEmpty = 16 // so many times: the store promises more at the end of each listing
)

// read lists what follows last, until the end, an error, the caller's stop, or a division into
// parts. If the end is doubtful, it lists again from there on: a listing that is empty without a
// doubt is the end.
func (l *listing) read(ctx context.Context) error {
	for known, empty := 0, 0; known < mostKnown && empty < mostEmpty; {
		before := l.last
		doubtful, err := l.readOnce(ctx)
		switch {
		case err != nil || l.stopped || l.parts != nil || !doubtful:
			return err
		case l.last != before:
			known, empty = 0, 0
		case l.before != "":
			known++
		default:
			empty++
		}
	}
	return nil
}

func (l *listing) readOnce(ctx context.Context) (doubtful bool, err error) {
	withOwner := false
	watched, pages := watchPages(ctx)
	found := l.store.client().ListObjectsIter(watched, l.store.Bucket, minio.ListObjectsOptions{
		Prefix: l.prefix, Recursive: true, StartAfter: l.last, FetchOwner: &withOwner, MaxKeys: l.page,
	})
	l.before = ""
	n := 0 // objects of this page
	for o := range found {
		if o.Err != nil {
			return false, o.Err
		}
		if err := l.take(o); err != nil || l.stopped {
			return false, err
		}
		if n++; n != pages.entries {
			continue
		}
		if n = 0; l.divisible && pages.more {
			if l.parts = divide(l.prefix, l.last); l.parts != nil {
				return false, nil
			}
		}
	}
	return pages.doubtful, ctx.Err() // the client library ends a canceled listing as if it were complete
}

// take processes one line. It drops names without the prefix, and those that came before: some
// stores do not know start-after, and begin at the first name again. If names are out of order,
// some may be missing, so it returns an error.
func (l *listing) take(o minio.ObjectInfo) error {
	name, ours := strings.CutPrefix(o.Key, l.store.prefix)
	if !ours || !strings.HasPrefix(o.Key, l.prefix) || !store.ValidName(name) {
		return nil
	}
	if o.Key < l.before {
		return final(fmt.Errorf("%s lists %s after %s, out of order: mailstrata cannot keep a repository there",
			l.store.Endpoint, o.Key, l.before))
	}
	l.before = o.Key
	if o.Key <= l.last {
		return nil
	}
	l.last = o.Key
	l.stopped = !l.yield(store.Object{Name: name, Size: o.Size, Time: o.LastModified}, nil)
	return nil
}
