package ahead

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Listings are listings of a store that have begun before anybody needs them. Nil has none.
type Listings struct {
	mu     sync.Mutex
	byName map[string]*Listing // by prefix; without those that were taken
	stop   context.CancelFunc
	group  sync.WaitGroup
}

// Listing is a listing that has begun.
type Listing struct {
	Began time.Time // by this host's clock

	found chan listed
	ended context.Context
}

type listed struct {
	object store.Object
	err    error
}

// maxListed is how many objects of a listing are held until somebody takes them. A page of a
// bucket's listing has more, so what is not taken costs one request.
const maxListed = 500

// List begins to list the objects under each prefix. The listings end with ctx, or when Stop is
// called.
func List(ctx context.Context, s store.Store, prefixes ...string) *Listings {
	ctx, stop := context.WithCancel(ctx)
	all := &Listings{byName: make(map[string]*Listing), stop: stop}
	for _, prefix := range prefixes {
		l := &Listing{Began: time.Now(), found: make(chan listed, maxListed), ended: ctx}
		all.byName[prefix] = l
		all.group.Go(func() {
			defer close(l.found)
			for o, err := range s.List(ctx, prefix) {
				select {
				case l.found <- listed{o, err}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return all
}

// Take returns the listing of the objects under a prefix, or nil if none has begun, or it was taken
// already.
func (all *Listings) Take(prefix string) *Listing {
	if all == nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	l := all.byName[prefix]
	delete(all.byName, prefix)
	return l
}

// Stop ends the listings. Those that were not taken are gone.
func (all *Listings) Stop() {
	if all == nil {
		return
	}
	all.stop()
	all.group.Wait()
	all.mu.Lock()
	defer all.mu.Unlock()
	clear(all.byName)
}

// Objects yields what the store lists, once.
func (l *Listing) Objects(ctx context.Context) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for {
			select {
			case next, more := <-l.found:
				if !more {
					if err := l.ended.Err(); err != nil { // it is not complete
						yield(store.Object{}, context.Cause(l.ended))
					}
					return
				}
				if !yield(next.object, next.err) {
					return
				}
			case <-ctx.Done():
				yield(store.Object{}, context.Cause(ctx))
				return
			}
		}
	}
}
