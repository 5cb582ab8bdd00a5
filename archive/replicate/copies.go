package replicate

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// copies is what the target has: copies, and originals that come back.
type copies struct {
	existing  map[[32]byte]existing // by the original's hash
	forgotten map[position]bool     // positions of manifests that were forgotten
}

// existing is a manifest that stands for an original. Of several, be they repairs or copies that
// had more than the one before, the last one does, because its writer knew the others.
type existing struct {
	head               repo.Head
	messages, failures int64 // messages includes those that were erased there, which are not missing
}

// position is the time of a manifest in the history of an account.
type position struct {
	account string // its folder
	time    int64  // milliseconds since 1970
}

func positionOf(head repo.Head) position { return position{head.Account, head.Time.UnixMilli()} }

// lacks reports whether the original has more, which perhaps cannot be read any more.
func (e existing) lacks(original archive.Summary) bool {
	return e.messages < original.Manifest.Totals.Accounted() || e.failures > original.Manifest.Totals.Failures
}

// improvedBy reports whether a manifest has more than the one that is there.
func (e existing) improvedBy(by *manifest.Manifest) bool {
	t := by.Totals
	return t.Accounted() > e.messages || t.Accounted() == e.messages && t.Failures < e.failures
}

// findCopies returns the copies of a repository.
func findCopies(ctx context.Context, r *repo.Repo) (*copies, error) {
	c := &copies{make(map[[32]byte]existing), make(map[position]bool)}
	marks, err := r.Marks(ctx)
	if err != nil {
		return nil, err
	}
	for name := range marks { // marks outlive their manifests, and a copy has its original's time
		if head, ok := repo.ParseManifest(name); ok {
			c.forgotten[positionOf(head)] = true
		}
	}
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case archive.EndsListing(ctx, s.Head, err):
			return nil, err
		case err == nil:
			c.add(s.Origin(), s.Head, s.Manifest)
		}
	}
	return c, nil
}

func (c *copies) add(origin [32]byte, head repo.Head, m *manifest.Manifest) {
	if old, ok := c.existing[origin]; !ok || head.Time.After(old.head.Time) {
		c.existing[origin] = existing{head, m.Totals.Accounted(), m.Totals.Failures}
	}
}

func (c *copies) of(original archive.Summary) (existing, bool) {
	h, ok := c.existing[original.Origin()]
	return h, ok
}

// parentOf returns the hash of the copy of a manifest's parent, or zero.
func (c *copies) parentOf(original archive.Summary) [32]byte {
	return c.existing[original.Manifest.Parent].head.ID
}

// tagCopier gives copies the tags of their originals. It leaves alone each tag that was set on a
// copy, or taken back from it, in the target.
type tagCopier struct {
	to             *repo.Repo
	tags           statement.Tags // of the originals
	damage         error          // why these may not be all
	existing, said statement.Tags
}

func newTagCopier(ctx context.Context, o CopyOptions) (*tagCopier, error) {
	t := &tagCopier{to: o.To}
	var err error
	if t.tags, t.damage, err = o.From.ReadableTags(ctx); err == nil {
		t.existing, t.said, err = o.To.TagsNamed(ctx)
	}
	return t, err
}

// copyTags sets the tags of a copy. If it follows an incomplete copy, it also gets the tags of that
// one.
func (t *tagCopier) copyTags(ctx context.Context, c *Copied, before repo.Head) error {
	want := slices.Clone(t.tags[c.Summary.Head.Name])
	if before.Name != "" && before.Name != c.Head.Name {
		want = slices.DeleteFunc(want, func(tag string) bool { return slices.Contains(t.said[before.Name], tag) })
		want = append(want, t.existing[before.Name]...)
	}
	want = slices.DeleteFunc(want, func(tag string) bool { return slices.Contains(t.said[c.Head.Name], tag) })
	if len(want) == 0 {
		return nil
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if !t.to.CanRemove() {
		c.Untagged = want
		return nil
	}
	t.said[c.Head.Name] = append(t.said[c.Head.Name], want...)
	return t.to.Tag(ctx, c.Head, want, nil)
}
