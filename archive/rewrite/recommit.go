package rewrite

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// recommitter commits manifests again with the same content.
type recommitter struct {
	*session
	restocker *restocker
	existing  map[content]repo.Head // manifests of the account that count
}

// content is what two manifests that say the same have in common.
type content struct {
	origin [32]byte
	start  int64 // of the run, in milliseconds
	state  manifest.State
	totals manifest.Totals
}

func contentOf(s archive.Summary) content {
	return content{s.Origin(), s.Manifest.Start.UnixMilli(), s.Manifest.State, s.Manifest.Totals}
}

// beginRecommit begins a run that commits manifests of the account from to the account to.
func beginRecommit(ctx context.Context, r *repo.Repo, to, from string) (c *recommitter, err error) {
	c = &recommitter{existing: make(map[content]repo.Head)}
	if c.session, err = begin(ctx, r, to, from, func(head repo.Head) error { return c.list(ctx, r, head) }); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.writer.Close())
	}
	return c, nil
}

// list records a manifest of the account, if it counts.
func (r *recommitter) list(ctx context.Context, from *repo.Repo, head repo.Head) error {
	if head.Marked || head.Misdated != "" {
		return nil
	}
	m, err := archive.ReadManifest(ctx, from, head)
	if err != nil {
		return err
	}
	if head = from.Judge(head, m.Deadline); head.Committed() {
		r.existing[contentOf(archive.Summary{Head: head, Manifest: m})] = head
	}
	return nil
}

func (r *recommitter) prepare(ctx context.Context) (err error) {
	if r.restocker, err = newRestocker(ctx, r.writer); err != nil {
		return err
	}
	marks, err := r.repo.Marks(ctx)
	if err != nil {
		return err
	}
	dir := r.repo.AccountDir(r.account)
	for name := range marks { // a copy takes a manifest at the time of a marked one for forgotten
		if head, ok := repo.ParseManifest(name); ok && head.Account == dir {
			r.taken[head.Time.UnixMilli()] = true
		}
	}
	return nil
}

// restock stores what a manifest needs and does not count as stored. It returns what cannot be read
// any more.
func (r *recommitter) restock(ctx context.Context, contents *archive.Contents) ([]manifest.Failure, error) {
	if r.sound[contents.Head.Name] {
		return nil, nil
	}
	return r.restocker.restock(ctx, contents)
}

// again commits a manifest again. Everything that it needs is stored. parents maps manifests to
// those that were committed in their place.
func (r *recommitter) again(
	ctx context.Context, contents *archive.Contents, parents map[[32]byte][32]byte,
) (repo.Head, error) {
	old := archive.Summary{Head: contents.Head, Manifest: contents.Manifest}
	m := *contents.Manifest
	if parent, ok := parents[m.Parent]; ok {
		m.Parent = parent
	}
	head, err := r.commit(ctx, old, &m)
	if err == nil {
		r.existing[contentOf(old)] = head
	}
	return head, err
}
