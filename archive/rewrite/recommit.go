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
func (c *recommitter) list(ctx context.Context, r *repo.Repo, head repo.Head) error {
	if head.Marked || head.Misdated != "" {
		return nil
	}
	m, err := archive.ReadManifest(ctx, r, head)
	if err != nil {
		return err
	}
	if head = r.Judge(head, m.Deadline); head.Committed() {
		c.existing[contentOf(archive.Summary{Head: head, Manifest: m})] = head
	}
	return nil
}

func (c *recommitter) prepare(ctx context.Context) (err error) {
	if c.restocker, err = newRestocker(ctx, c.writer); err != nil {
		return err
	}
	marks, err := c.repo.Marks(ctx)
	if err != nil {
		return err
	}
	dir := c.repo.AccountDir(c.account)
	for name := range marks { // a copy takes a manifest at the time of a marked one for forgotten
		if head, ok := repo.ParseManifest(name); ok && head.Account == dir {
			c.taken[head.Time.UnixMilli()] = true
		}
	}
	return nil
}

// restock stores what a manifest needs and does not count as stored. It returns what cannot be read
// any more.
func (c *recommitter) restock(ctx context.Context, contents *archive.Contents) ([]manifest.Failure, error) {
	if c.sound[contents.Head.Name] {
		return nil, nil
	}
	return c.restocker.restock(ctx, contents)
}

// again commits a manifest again. Everything that it needs is stored. parents maps manifests to
// those that were committed in their place.
func (c *recommitter) again(ctx context.Context, contents *archive.Contents, parents map[[32]byte][32]byte) (repo.Head, error) {
	old := archive.Summary{Head: contents.Head, Manifest: contents.Manifest}
	m := *contents.Manifest
	if parent, ok := parents[m.Parent]; ok {
		m.Parent = parent
	}
	head, err := c.commit(ctx, old, &m)
	if err == nil {
		c.existing[contentOf(old)] = head
	}
	return head, err
}
