package replicate

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// history is an account under way.
type history struct {
	left   []archive.Summary // manifests to look at, from the oldest to the newest
	latest repo.Head         // the copy that before is about
	before *rewrite.PageMap
	met    *archive.Summary // the newest that has a copy, if before is not of it
}

// task is a manifest to copy.
type task struct {
	*history
	Copied
	old       existing           // its copy, if that lacks something
	made      *manifest.Manifest // what to commit; nil: nothing
	after     *rewrite.PageMap   // of made
	committed bool
}

// again reports whether the manifest has a copy.
func (t *task) again() bool { return t.old.head.Name != "" }

// next returns the next manifest of an account that is to be copied, or nil. It reports those
// before it.
func (c *copier) next(ctx context.Context, h *history) (*task, error) {
	for len(h.left) > 0 {
		s := h.left[0]
		h.left = h.left[1:]
		todo, old := c.action(s)
		copied := Copied{
			Summary: s, Head: old.head, Present: todo == alreadyCopied || todo == copyAgain,
			Gone: todo == forgotten,
		}
		switch todo {
		case unwanted:
		case accountErased:
			copied.Erased = true
			c.done(copied)
		case forgotten:
			c.done(copied)
		case alreadyCopied:
			if err := c.finish(ctx, &task{history: h, Copied: copied, old: old}); err != nil {
				return nil, err
			}
		default:
			if todo == copyAgain {
				h.met = &s
			}
			return &task{history: h, Copied: copied, old: old}, c.resume(ctx, h)
		}
	}
	return nil, nil
}

// finish copies the tags of a manifest after all else of it, and reports it.
func (c *copier) finish(ctx context.Context, t *task) error {
	if t.committed {
		c.copies.add(t.made.Origin, t.Head, t.made)
		t.latest, t.before = t.Head, t.after
	}
	if t.Err == nil {
		if t.Present {
			t.met = &t.Summary
		}
		if err := c.tags.copyTags(ctx, &t.Copied, t.old.head); err != nil {
			return err
		}
	}
	c.done(t.Copied)
	return nil
}

// resume makes a manifest that was copied earlier the one that the next is compared with.
func (c *copier) resume(ctx context.Context, h *history) error {
	if h.met == nil {
		return nil
	}
	copied, _ := c.copies.of(*h.met)
	made, err := archive.OpenManifest(ctx, c.To, copied.head)
	if err != nil {
		return err
	}
	h.latest = copied.head
	h.before, err = rewrite.MapPages(ctx, c.source.Contents(h.met.Manifest), made)
	h.met = nil
	return err
}

// confirm makes sure that the copy whose pages are to be inherited may still be a parent (rule 1),
// or drops before.
func (t *task) confirm(ctx context.Context, run *repo.Run) error {
	if t.before == nil {
		return nil
	}
	for head, err := range run.Heads(ctx, t.Manifest.Account) {
		if err != nil && head.Name == "" {
			return err
		}
		if err == nil && head.Name == t.latest.Name && head.Committed() {
			return nil
		}
	}
	t.before = nil
	return nil
}
