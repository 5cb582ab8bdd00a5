package archive

import (
	"context"

	"github.com/mailstrata/mailstrata/repo"
)

// others follows the manifests of other shares to the chunks in broken packs of this share. It reports the messages that
// these affect, and nothing else: the checks of the other shares report the rest.
func (c *checker) others(ctx context.Context, heads []repo.Head) error {
	if len(c.broken) == 0 {
		return nil
	}
	counted := c.report
	for s, err := range c.manifests(ctx, heads) {
		if err == nil {
			err = c.affected(ctx, s)
		}
		if err != nil && (ctx.Err() != nil || !passable(err)) {
			return err
		}
	}
	counted.Problems = c.report.Problems
	c.report = counted
	return nil
}

// affected reports the messages of a manifest of another share that need a broken pack.
func (c *checker) affected(ctx context.Context, s Summary) error {
	head := c.Repo.Judge(s.Head, s.Manifest.Deadline)
	if head.Late || head.Misdating() != nil {
		return nil
	}
	w := &manifestCheck{checker: c, contents: c.reader.Contents(s.Manifest), other: true}
	w.where = Problem{Manifest: head.Name, Account: s.Manifest.Account}
	return w.run(ctx)
}
