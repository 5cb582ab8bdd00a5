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

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Store is the store of a repository. It finds the original of each object: where the newest
// version of a name is not what the name says, it reads an older one. Under lock it retains what it
// puts, lists what is hidden, and deletes all versions of an object or none.
type Store struct {
	store.Store
	versioned  store.Versioned // nil if the store keeps no versions
	lock       *Lock
	showHidden bool // list the objects that delete markers hide

	mu       sync.Mutex
	chosen   map[string]choice        // what is read under names of which the newest version is not the object
	seeking  map[string]chan struct{} // names of which a goroutine looks for the original; closed when it is done
	differ   map[string]bool          // names under which other bytes were read twice
	unlisted bool                     // these credentials may not list versions
}

// choice is the version to read under a name.
type choice struct {
	version string
	proven  bool // its bytes have the hash that the name says
}

// New returns the store of a repository. A nil lock means that the repository is not under lock.
func New(base store.Store, lock *Lock) *Store {
	s := &Store{Store: base, lock: lock, showHidden: lock != nil, chosen: map[string]choice{},
		differ: map[string]bool{}, seeking: map[string]chan struct{}{}}
	s.versioned, _ = base.(store.Versioned)
	return s
}

// Lock returns the lock, or nil if the repository is not under lock.
func (s *Store) Lock() *Lock { return s.lock }

// SetLock changes the lock. No other use of s may be under way.
func (s *Store) SetLock(lock *Lock) { s.lock = lock }

// ShowHidden makes List list the objects that delete markers hide, as it does under lock.
func (s *Store) ShowHidden() { s.showHidden = true }

// Put puts an object. Under lock it asks for retention, unless the bucket retains by default.
func (s *Store) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if s.lock == nil || s.lock.ByDefault {
		return s.Store.Put(ctx, name, body, size)
	}
	keep, err := s.keep(ctx)
	if err != nil {
		return err
	}
	return s.retainer().PutRetained(ctx, name, body, size, keep)
}

// keep returns the retention of an object that is put now.
func (s *Store) keep(ctx context.Context) (store.Retention, error) {
	now, err := s.Now(ctx)
	return store.Retention{Until: now.Add(s.lock.Term()), Compliance: s.lock.Compliance}, err
}

// retainer returns the store as a Retainer, which it is under lock.
func (s *Store) retainer() store.Retainer { return s.Store.(store.Retainer) }

// Get reads the original of an object, if it is known. Under lock it looks for it if the object
// seems to be missing.
func (s *Store) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	body, size, err := s.get(ctx, name, offset, length)
	if s.lock != nil && errors.Is(err, store.ErrNotExist) && s.Original(ctx, name) {
		return s.get(ctx, name, offset, length)
	}
	return body, size, err
}

func (s *Store) get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if version, ok := s.version(name); ok {
		return s.versioned.GetVersion(ctx, name, version, offset, length)
	}
	return s.Store.Get(ctx, name, offset, length)
}

func (s *Store) version(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.chosen[name]
	return c.version, ok
}

func (s *Store) choose(name string, c choice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.chosen[name]; old.version == c.version {
		c.proven = c.proven || old.proven
	}
	s.chosen[name] = c
}

// Original looks for bytes that hash to the object's name, after the caller has read other bytes
// under it, or none. If it reports true, Get reads them from now on, and the caller should read
// again. They may be what Get read before: bytes are damaged on their way, too, and that is neither
// damage in the store nor an object that somebody replaced. If several goroutines ask for a name at
// once, one of them looks.
func (s *Store) Original(ctx context.Context, name string) bool {
	hash, ok := store.Hash(name)
	if !ok {
		return false
	}
	defer s.seek(name)()
	s.mu.Lock()
	before, chosen := s.chosen[name]
	differs := s.differ[name]
	s.mu.Unlock()
	if before.proven {
		return true // found since the caller read
	}
	if !differs {
		switch intact, err := s.intact(ctx, name, hash); {
		case intact:
			return true
		case err != nil && !errors.Is(err, store.ErrNotExist):
			return false // the caller has an error already
		}
	}
	if s.versioned == nil {
		return false
	}
	for versions, err := range s.histories(ctx, name) {
		if err != nil || versions[0].Name != name {
			return false // the caller has an error already
		}
		for i := len(versions) - 1; i >= 0; i-- {
			version := versions[i]
			if version.Marker || !s.matches(ctx, version, hash) {
				continue
			}
			if !version.Latest || chosen {
				s.choose(name, choice{version.ID, true})
			}
			return true
		}
	}
	return false
}

// seek waits until no other goroutine looks for the original of the name, and keeps others waiting
// until done is called.
func (s *Store) seek(name string) (done func()) {
	for {
		s.mu.Lock()
		busy, mine := s.seeking[name], make(chan struct{})
		if busy == nil {
			s.seeking[name] = mine
		}
		s.mu.Unlock()
		if busy == nil {
			return func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.seeking, name)
				close(mine)
			}
		}
		<-busy
	}
}

// intact reads an object once more, and reports whether it has the hash. One that has not is not
// read for this again: a damaged pack has many frames, and each asks for its original.
func (s *Store) intact(ctx context.Context, name string, hash [32]byte) (bool, error) {
	body, size, err := s.get(ctx, name, 0, -1)
	if err != nil {
		return false, err
	}
	intact, err := hasHash(body, size, hash)
	if err == nil && !intact {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.differ[name] = true
	}
	return intact, err
}

// matches reports whether a version has the hash. It reads the version.
func (s *Store) matches(ctx context.Context, version store.Version, hash [32]byte) bool {
	body, size, err := s.versioned.GetVersion(ctx, version.Name, version.ID, 0, -1)
	if err != nil {
		return false
	}
	matches, err := hasHash(body, size, hash)
	return err == nil && matches
}

// hasHash reads a body, closes it, and reports whether it has the size and the hash.
func hasHash(body io.ReadCloser, size int64, hash [32]byte) (bool, error) {
	defer body.Close()
	h := blake3.New()
	n, err := io.Copy(h, body)
	return n == size && [32]byte(h.Sum(nil)) == hash, err
}

// histories yields the versions of each name, the newest first.
func (s *Store) histories(ctx context.Context, prefix string) iter.Seq2[[]store.Version, error] {
	return func(yield func([]store.Version, error) bool) {
		if s.versioned == nil {
			yield(nil, fmt.Errorf("the store keeps no versions: %w", store.ErrPermission))
			return
		}
		var versions []store.Version
		for version, err := range s.versioned.Versions(ctx, prefix) {
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

// List lists objects: under lock the oldest version of each name, or the newest if these
// credentials may not list versions.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if s.showHidden && s.listsVersions() {
			for versions, err := range s.histories(ctx, prefix) {
				if errors.Is(err, store.ErrPermission) {
					s.cannotList()
					break
				}
				if o, ok := s.object(versions); (err != nil || ok) && !yield(o, err) || err != nil {
					return
				}
			}
			if s.listsVersions() {
				return
			}
		}
		for o, err := range s.Store.List(ctx, prefix) {
			if !yield(o, err) {
				return
			}
		}
	}
}

// ListFew implements store.FewLister.
func (s *Store) ListFew(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if s.showHidden && s.listsVersions() {
		return s.List(ctx, prefix)
	}
	return store.ListFew(ctx, s.Store, prefix)
}

func (s *Store) listsVersions() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versioned != nil && !s.unlisted
}

func (s *Store) cannotList() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlisted = true
}

// object returns the oldest version of a name, which is its object. There is none if only delete
// markers are left.
func (s *Store) object(versions []store.Version) (store.Object, bool) {
	oldest, ok := oldestOf(versions)
	if !ok {
		return store.Object{}, false
	}
	o := oldest.Object
	o.Hidden = hidden(versions)
	if !oldest.Latest {
		s.choose(o.Name, choice{version: oldest.ID})
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

// Delete removes an object: under lock all versions, the object first, so that nothing changes if
// it is retained.
func (s *Store) Delete(ctx context.Context, name string) error {
	if s.lock == nil || !s.listsVersions() {
		return s.Store.Delete(ctx, name)
	}
	for versions, err := range s.histories(ctx, name) {
		if err != nil {
			return err
		}
		if versions[0].Name != name {
			continue
		}
		for i := len(versions) - 1; i >= 0; i-- {
			if err := s.versioned.DeleteVersion(ctx, name, versions[i].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Hides reports whether a delete marker hides any object under a prefix.
func (s *Store) Hides(ctx context.Context, prefix string) bool {
	for versions, err := range s.histories(ctx, prefix) {
		if err != nil {
			return false
		}
		if _, ok := oldestOf(versions); ok && hidden(versions) {
			return true
		}
	}
	return false
}

// Replaced returns the names, in order, of the objects of which Get does not read the newest
// version.
func (s *Store) Replaced() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.chosen))
}
