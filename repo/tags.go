package repo

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Tags reads the tags of all manifests. A damaged note is an error, because it may keep a manifest
// from being forgotten. One that the keeper did not sign is ignored.
func (s *statements) Tags(ctx context.Context) (statement.Tags, error) {
	sets, err := s.tagSets(ctx, nil)
	return sets.Tags(), err
}

// ReadableTags is Tags for a caller that sets the tags of one manifest for another. It leaves out
// what cannot be read, and returns the first damage.
func (s *statements) ReadableTags(ctx context.Context) (tags statement.Tags, damage, err error) {
	var mu sync.Mutex
	sets, err := s.tagSets(ctx, func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if objects.Concerns(err) {
			damage = cmp.Or(damage, err)
		}
		return objects.Concerns(err)
	})
	return sets.Tags(), damage, err
}

// TagsNamed is Tags, and beside it every tag that was ever set or taken back.
func (s *statements) TagsNamed(ctx context.Context) (tags, said statement.Tags, err error) {
	sets, err := s.tagSets(ctx, nil)
	return sets.Tags(), sets.Named(), err
}

func (s *statements) tagSets(ctx context.Context, ignore func(error) bool) (statement.TagSets, error) {
	all := statement.TagSets{}
	add := func(n *statement.TagSet, _ time.Time) { all.Add(n) }
	return all, readStatements(ctx, s, format.KindNote, ignore, statement.ParseTagSet, add)
}

// Tag sets tags of a manifest and takes others back. It stores nothing if nothing changes.
func (s *statements) Tag(ctx context.Context, h Head, set, taken []string) error {
	all, err := s.tagSets(ctx, nil)
	if err != nil {
		return err
	}
	change, err := all.Change(h.Name, set, taken)
	if err != nil || change == nil {
		return err
	}
	return s.declare(ctx, format.KindNote, change)
}
