package objectlock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// Store is a repository's store as it is used, where it keeps versions. Who can put objects can put another one under a name
// that is taken, and who can delete can hide what he cannot destroy. Neither loses what was there: a name is the hash of its
// object, so that no other bytes can come first, and where the newest version is not what the name says, an older one is.
//
// Under lock, the oldest version of a name is its object. Listings say so, and see what is hidden; objects are put under
// retention, and deleted for good or not at all.
type Store struct {
	store.Store
	versioned store.Versioned // nil: the store knows none
	lock      *Lock
	through   bool // listings see what is hidden

	mu      sync.Mutex
	chosen  map[string]choice        // versions of names of which the newest is not the object
	seeking map[string]chan struct{} // names for which somebody looks for an older version; closed when he is done
	blind   bool                     // versions cannot be listed
}

// choice is the version that is read under a name.
type choice struct {
	version string
	proven  bool // its bytes were seen to be what the name says
}

func New(s store.Store, lock *Lock) *Store {
	v := &Store{Store: s, lock: lock, through: lock != nil, chosen: map[string]choice{}, seeking: map[string]chan struct{}{}}
	v.versioned, _ = s.(store.Versioned)
	return v
}

// Lock returns the lock, or nil.
func (v *Store) Lock() *Lock { return v.lock }

// SetLock changes the lock. No other use of v may be under way.
func (v *Store) SetLock(lock *Lock) { v.lock = lock }

// ShowHidden makes listings show what delete markers hide, as they do under lock.
func (v *Store) ShowHidden() { v.through = true }

// Put puts an object under retention, unless the bucket does so by itself.
func (v *Store) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if v.lock == nil || v.lock.ByDefault {
		return v.Store.Put(ctx, name, body, size)
	}
	keep, err := v.keep(ctx)
	if err != nil {
		return err
	}
	return v.retainer().PutRetained(ctx, name, body, size, keep)
}

// keep is the retention of what is put or renewed now.
func (v *Store) keep(ctx context.Context) (store.Retention, error) {
	now, err := v.Now(ctx)
	return store.Retention{Until: now.Add(v.lock.Term()), Compliance: v.lock.Compliance}, err
}

// retainer is the store, which a repository under lock needs.
func (v *Store) retainer() store.Retainer { return v.Store.(store.Retainer) }

func (v *Store) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	body, size, err := v.get(ctx, name, offset, length)
	if v.lock != nil && errors.Is(err, store.ErrNotExist) && v.Original(ctx, name) {
		return v.get(ctx, name, offset, length)
	}
	return body, size, err
}

func (v *Store) get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if version, ok := v.version(name); ok {
		return v.versioned.GetVersion(ctx, name, version, offset, length)
	}
	return v.Store.Get(ctx, name, offset, length)
}

func (v *Store) version(name string) (string, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.chosen[name]
	return c.version, ok
}

func (v *Store) choose(name string, c choice) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old := v.chosen[name]; old.version == c.version {
		c.proven = c.proven || old.proven
	}
	v.chosen[name] = c
}

// Original looks for a version that hashes to the object's name, for somebody who read other bytes there, or nothing, and says
// whether he should read again: from then on Get has that version. Of several who ask at once one looks for all.
func (v *Store) Original(ctx context.Context, name string) bool {
	hash, ok := store.Hash(name)
	if v.versioned == nil || !ok {
		return false
	}
	defer v.seek(name)()
	v.mu.Lock()
	before, chosen := v.chosen[name]
	v.mu.Unlock()
	if before.proven {
		return true // found since he read
	}
	for versions, err := range v.histories(ctx, name) {
		if err != nil || versions[0].Name != name {
			return false // who asked has an error of his own to tell
		}
		for i := len(versions) - 1; i >= 0; i-- {
			version := versions[i]
			if !version.Marker && v.matches(ctx, version, hash) {
				v.choose(name, choice{version.ID, true})
				return !version.Latest || chosen
			}
		}
	}
	return false
}

// seek waits until nobody looks for an older version of the name, and keeps others from it until done is called.
func (v *Store) seek(name string) (done func()) {
	for {
		v.mu.Lock()
		busy, mine := v.seeking[name], make(chan struct{})
		if busy == nil {
			v.seeking[name] = mine
		}
		v.mu.Unlock()
		if busy == nil {
			return func() {
				v.mu.Lock()
				defer v.mu.Unlock()
				delete(v.seeking, name)
				close(mine)
			}
		}
		<-busy
	}
}

// matches reads a version, whatever its size.
func (v *Store) matches(ctx context.Context, version store.Version, hash [32]byte) bool {
	body, size, err := v.versioned.GetVersion(ctx, version.Name, version.ID, 0, -1)
	if err != nil {
		return false
	}
	defer body.Close()
	h := blake3.New()
	n, err := io.Copy(h, body)
	return err == nil && n == size && [32]byte(h.Sum(nil)) == hash
}

// histories yields the versions of one name after another, the newest first.
func (v *Store) histories(ctx context.Context, prefix string) iter.Seq2[[]store.Version, error] {
	return func(yield func([]store.Version, error) bool) {
		if v.versioned == nil {
			yield(nil, fmt.Errorf("the store knows no versions: %w", store.ErrPermission))
			return
		}
		var versions []store.Version
		for version, err := range v.versioned.Versions(ctx, prefix) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(versions) > 0 && versions[0].Name != version.Name {
				if !yield(versions, nil) {
					return
				}
				versions = versions[:0]
			}
			versions = append(versions, version)
		}
		if len(versions) > 0 {
			yield(versions, nil)
		}
	}
}

// List lists, under lock, the oldest versions. Credentials that may not list versions see the newest.
func (v *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if v.through && v.sees() {
			for versions, err := range v.histories(ctx, prefix) {
				if errors.Is(err, store.ErrPermission) {
					v.goBlind()
					break
				}
				if o, ok := v.object(versions); (err != nil || ok) && !yield(o, err) || err != nil {
					return
				}
			}
			if v.sees() {
				return
			}
		}
		for o, err := range v.Store.List(ctx, prefix) {
			if !yield(o, err) {
				return
			}
		}
	}
}

func (v *Store) sees() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.versioned != nil && !v.blind
}

func (v *Store) goBlind() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.blind = true
}

// object is what a name stands for: its oldest version. Markers alone are what is left of an object that is gone.
func (v *Store) object(versions []store.Version) (store.Object, bool) {
	oldest, ok := oldestOf(versions)
	if !ok {
		return store.Object{}, false
	}
	o := oldest.Object
	o.Hidden = hidden(versions)
	if !oldest.Latest {
		v.choose(o.Name, choice{version: oldest.ID})
	}
	return o, true
}

func hidden(versions []store.Version) bool {
	return slices.ContainsFunc(versions, func(v store.Version) bool { return v.Latest && v.Marker })
}

func oldestOf(versions []store.Version) (store.Version, bool) {
	for i := len(versions) - 1; i >= 0; i-- {
		if !versions[i].Marker {
			return versions[i], true
		}
	}
	return store.Version{}, false
}

// Delete removes, under lock, all versions, the object first: if that is retained, nothing is touched.
func (v *Store) Delete(ctx context.Context, name string) error {
	if v.lock == nil || !v.sees() {
		return v.Store.Delete(ctx, name)
	}
	for versions, err := range v.histories(ctx, name) {
		if err != nil {
			return err
		}
		if versions[0].Name != name {
			continue
		}
		for i := len(versions) - 1; i >= 0; i-- {
			if err := v.versioned.DeleteVersion(ctx, name, versions[i].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Hides reports whether anything under a prefix is hidden.
func (v *Store) Hides(ctx context.Context, prefix string) bool {
	for versions, err := range v.histories(ctx, prefix) {
		if err != nil {
			return false
		}
		if _, ok := oldestOf(versions); ok && hidden(versions) {
			return true
		}
	}
	return false
}

// Replaced returns the names, in order, of the objects of which another version than the newest is read.
func (v *Store) Replaced() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.chosen))
}
