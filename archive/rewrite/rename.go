package rewrite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

var (
	// ErrNoAccount reports that there is nothing to rename.
	ErrNoAccount = errors.New("it has no manifests")

	// ErrExists reports that the new name has another history.
	ErrExists = errors.New("an account of that name is archived already")
)

// Renamed is what a rename changed.
type Renamed struct {
	Committed int    // manifests, under the new name
	Existing  int    // manifests that an earlier rename committed
	Marked    int    // manifests under the old name
	Left      []Left // that stay under the old name
}

// Left is a manifest that cannot be committed under the new name.
type Left struct {
	Head repo.Head
	Err  error
}

// rounds bounds how often Rename looks for manifests that a backup has committed under the old name
// meanwhile.
const rounds = 3

// Rename gives an account another name. It commits each manifest again under the new name and then
// marks the old ones. Another Rename completes one that was interrupted, or during which a backup
// of the old name ended. If an account of the new name exists, Rename returns ErrExists unless
// merge is set. It calls committed, which may be nil, with each new manifest.
func Rename(
	ctx context.Context, r *repo.Repo, from, to string, merge bool, committed func(repo.Head),
) (*Renamed, error) {
	if !r.CanRemove() {
		return nil, fmt.Errorf("the old manifests are marked by the owner, and %w", repo.ErrNoRole)
	}
	erased, err := r.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{from, to} {
		if _, is := erased.Account(r.AccountDir(name)); is {
			return nil, fmt.Errorf("account %q: %w", name, repo.ErrErased)
		}
	}
	n := &renamer{
		repo: r, from: from, to: to, committed: committed, left: make(map[string]bool),
		parents: make(map[[32]byte][32]byte),
	}
	if err := n.mayBegin(ctx, merge); err != nil {
		return nil, err
	}
	for range rounds {
		more, err := n.round(ctx)
		if err != nil || !more {
			return &n.report, err
		}
	}
	return &n.report, nil
}

// renamer is a Rename under way.
type renamer struct {
	repo      *repo.Repo
	from, to  string
	committed func(repo.Head)
	report    Renamed

	left    map[string]bool       // names of manifests that stay
	parents map[[32]byte][32]byte // hashes: of old manifests, and of those that say the same under the new name
	last    time.Time             // when the store got the last of these
}

// mayBegin returns an error if the new name has another history.
func (r *renamer) mayBegin(ctx context.Context, merge bool) error {
	h, err := r.histories(ctx)
	switch {
	case err != nil:
		return err
	case len(h.old) == 0 && len(h.unread) == 0 && !h.linked:
		return ErrNoAccount
	case len(h.new) > 0 && !merge && !h.continues():
		return ErrExists
	}
	return nil
}

// round commits the manifests of the old name again, and marks them. It reports whether it marked
// any.
func (r *renamer) round(ctx context.Context) (more bool, err error) {
	var heads []repo.Head
	for head, err := range r.repo.AccountManifests(ctx, r.from) {
		if err != nil {
			return false, err
		}
		if !head.Marked && !r.left[head.Name] {
			heads = append(heads, head)
		}
	}
	if len(heads) == 0 {
		return false, nil
	}
	slices.Reverse(heads) // the oldest first: parents come before children
	marks, err := r.commit(ctx, heads)
	if err != nil || len(marks) == 0 {
		return false, err
	}
	return true, r.mark(ctx, marks)
}

// commit commits manifests under the new name. It returns which of the old ones are to be marked.
func (r *renamer) commit(ctx context.Context, heads []repo.Head) (marks []statement.Marked, err error) {
	var c *recommitter
	start := func() (s *session, err error) {
		if c, err = beginRecommit(ctx, r.repo, r.to, r.from); err != nil {
			return nil, err
		}
		return c.session, nil
	}
	err = inRuns(ctx, heads, start, func(head repo.Head) error {
		mark, err := r.one(ctx, c, head)
		switch {
		case err == nil:
			marks = append(marks, mark)
		case ctx.Err() != nil || !isOfOne(err):
			return fmt.Errorf("commit manifest %x under the new name: %w", head.ID[:4], err)
		default:
			r.left[head.Name] = true
			r.report.Left = append(r.report.Left, Left{head, err})
		}
		return nil
	})
	return marks, err
}

// isOfOne reports whether an error is about one manifest, after which others can be committed.
func isOfOne(err error) bool {
	return archive.IsDamage(err) || errors.Is(err, ErrMissing) || errors.Is(err, repo.ErrErased) ||
		errors.Is(err, repo.ErrMisdated)
}

// one commits a manifest under the new name, unless an earlier rename did. It returns the mark for
// the old one.
func (r *renamer) one(ctx context.Context, c *recommitter, head repo.Head) (mark statement.Marked, err error) {
	contents, err := archive.OpenManifest(ctx, r.repo, head)
	if err != nil {
		return mark, err
	}
	old := archive.Summary{Head: r.repo.Judge(head, contents.Manifest.Deadline), Manifest: contents.Manifest}
	if err := old.Head.Misdating(); err != nil {
		return mark, err
	}
	mark.Manifest = head.Name
	if parent := old.Manifest.Parent; parent != [32]byte{} {
		mark.Parent = &parent
	}
	if old.Head.Late { // it never counted
		return mark, nil
	}
	if existing, ok := c.existing[contentOf(old)]; ok {
		r.report.Existing++
		r.replace(head, existing)
		return mark, c.copyTags(ctx, head, existing)
	}
	missing, err := c.restock(ctx, contents)
	if err != nil {
		return mark, err
	}
	if len(missing) > 0 {
		return mark, fmt.Errorf("%w: %s", ErrMissing, missing[0].Reason)
	}
	made, err := c.again(ctx, contents, r.parents)
	if err != nil {
		return mark, err
	}
	if err := c.copyTags(ctx, head, made); err != nil {
		return mark, err
	}
	r.report.Committed++
	r.replace(head, made)
	if r.committed != nil {
		r.committed(made)
	}
	return mark, nil
}

// replace records the manifest that was committed in the place of an old one.
func (r *renamer) replace(old, made repo.Head) {
	r.parents[old.ID] = made.ID
	if made.Stored.After(r.last) {
		r.last = made.Stored
	}
}

// mark marks the old manifests in one step. What was forgotten under the old name is marked under
// the new one too. So a copy does not bring it back, and forget knows that the manifests next to it
// were compared.
func (r *renamer) mark(ctx context.Context, marks []statement.Marked) error {
	known, err := r.repo.Marks(ctx)
	if err != nil {
		return err
	}
	live := make(map[int64]bool)
	for head, err := range r.repo.AccountManifests(ctx, r.to) {
		if err != nil {
			return err
		}
		live[head.Time.UnixMilli()] = true
	}
	r.report.Marked += len(marks)
	dir, old := r.repo.AccountDir(r.from), len(marks)
	for name := range known {
		head, ok := repo.ParseManifest(name)
		if !ok || head.Account != dir || live[head.Time.UnixMilli()] {
			continue
		}
		under := r.repo.NameUnder(head, r.to)
		if _, is := known[under]; !is {
			marks = append(marks, statement.Marked{Manifest: under})
		}
	}
	if len(marks) > old {
		if err := r.passed(ctx); err != nil {
			return err
		}
	}
	if err := r.repo.MarkAll(ctx, marks); err != nil {
		return fmt.Errorf("mark the manifests of %q: %w", r.from, err)
	}
	return nil
}

// passed waits until the store's clock is in a later second than the last manifest. A mark must be
// younger than the manifests that existed when it was written, and some stores show whole seconds.
func (r *renamer) passed(ctx context.Context) error {
	for {
		now, err := r.repo.Now(ctx)
		if err != nil || !now.Before(r.last.Truncate(time.Second).Add(time.Second)) {
			return err
		}
		if err := retry.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
