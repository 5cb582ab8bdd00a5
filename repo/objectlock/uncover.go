package objectlock

import (
	"context"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Covered is an object under something newer: delete markers, or other versions of its name.
type Covered struct {
	store.Object
	above []store.Version // the newest first
	other bool            // not only markers
}

// Covered yields the objects under a prefix that something newer covers.
func (s *Store) Covered(ctx context.Context, prefix string) iter.Seq2[Covered, error] {
	return func(yield func(Covered, error) bool) {
		for versions, err := range s.histories(ctx, prefix) {
			if err != nil {
				yield(Covered{}, fmt.Errorf("list the versions: %w", err))
				return
			}
			o, ok := oldestOf(versions)
			if !ok || o.Latest {
				continue
			}
			c := Covered{Object: o.Object}
			for _, v := range versions {
				if v.ID == o.ID {
					break
				}
				c.above, c.other = append(c.above, v), c.other || !v.Marker
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Uncover removes what is newer than the object, and never the object. A delete marker holds
// nothing. Before it removes another version, or if verify is set, it reads the object, which must
// have the hash in its name. If the store retains a version, the error wraps store.ErrRetained.
func (s *Store) Uncover(ctx context.Context, c Covered, verify bool) error {
	if hash, ok := store.Hash(c.Name); ok && (c.other || verify) {
		oldest, err := s.oldest(ctx, c.Name)
		if err != nil {
			return err
		}
		if !s.matches(ctx, oldest, hash) {
			return fmt.Errorf("%s: the oldest version is not the object, or cannot be read: nothing was removed",
				c.Name)
		}
	}
	for _, v := range c.above {
		if err := s.versioned.DeleteVersion(ctx, c.Name, v.ID); err != nil {
			return fmt.Errorf("remove what covers %s: %w", c.Name, err)
		}
	}
	return nil
}

// oldest returns the oldest version of a name that is no marker.
func (s *Store) oldest(ctx context.Context, name string) (store.Version, error) {
	for versions, err := range s.histories(ctx, name) {
		if err != nil {
			return store.Version{}, err
		}
		if o, ok := oldestOf(versions); ok && o.Name == name {
			return o, nil
		}
	}
	return store.Version{}, fmt.Errorf("%s: %w", name, store.ErrNotExist)
}
