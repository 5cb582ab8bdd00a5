package rewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Rewritten is the result of writing a manifest without what was erased.
type Rewritten struct {
	Old    repo.Head
	New    repo.Head // follows Old in the history, and has its tags
	Parent *[32]byte // of the old one, if it has a parent
	Err    error     // why there is no New: Old is damaged, and stays as it is
}

// WithoutErased writes manifests of one account, given the oldest first, without what was erased.
// It keeps the pages that do not hold any of it, as holds reports. It calls done with each
// manifest.
func WithoutErased(
	ctx context.Context, r *repo.Repo, account string, heads []repo.Head, holds func(manifest.Page) bool, done func(Rewritten) error,
) error {
	e := &eraser{holds: holds, parents: make(map[[32]byte][32]byte)}
	start := func() (*session, error) {
		err := e.begin(ctx, r, account)
		return e.session, err
	}
	return inRuns(ctx, heads, start, func(head repo.Head) error {
		rewritten, err := e.write(ctx, head)
		if err != nil {
			return fmt.Errorf("write %s again: %w", head.Name, err)
		}
		return done(rewritten)
	})
}

// eraser writes manifests of one account without what was erased.
type eraser struct {
	*session
	holds   func(manifest.Page) bool
	erased  *statement.Erasures
	parents map[[32]byte][32]byte // manifests, and what was written in their place
	pages   *PageMap              // of the manifest written last in this run; nil: it cannot be inherited from
}

// begin begins the next run.
func (e *eraser) begin(ctx context.Context, r *repo.Repo, account string) (err error) {
	e.pages = nil
	if e.session, err = begin(ctx, r, account, account, nil); err != nil {
		return err
	}
	if e.erased, err = e.run.Erasures(ctx); err != nil {
		return errors.Join(err, e.writer.Close())
	}
	return nil
}

// write writes one manifest.
func (e *eraser) write(ctx context.Context, head repo.Head) (Rewritten, error) {
	done := Rewritten{Old: head}
	contents, err := archive.OpenManifest(ctx, e.repo, head)
	if err != nil {
		return done.unlessDamage(ctx, err)
	}
	if parent := contents.Manifest.Parent; parent != [32]byte{} {
		done.Parent = &parent
	}
	rewriter := e.rewriter(contents)
	m, err := rewriter.Rewrite(ctx)
	if err != nil { // perhaps a page that must be merged with another cannot be read
		return done.unlessDamage(ctx, err)
	}
	if len(rewriter.Lost) > 0 {
		done.Err = fmt.Errorf("mailbox %q: %s", rewriter.Lost[0].Mailbox, rewriter.Lost[0].Reason)
		return done, nil
	}
	if parent, ok := e.parents[m.Parent]; ok {
		m.Parent = parent
	}
	if done.New, err = e.commit(ctx, archive.Summary{Head: head, Manifest: contents.Manifest}, m); err != nil {
		return done, err
	}
	e.parents[head.ID], e.pages = done.New.ID, rewriter.After
	if !e.sound[head.Name] {
		e.pages = nil
	}
	return done, e.copyTags(ctx, head, done.New)
}

// rewriter returns a Rewriter that leaves out what was erased. If the run may not inherit from the
// manifest, because it is late or marked, what it needs may be condemned, so it is stored again.
func (e *eraser) rewriter(contents *archive.Contents) *Rewriter {
	sound := e.sound[contents.Head.Name]
	w := &Rewriter{
		From: contents, To: contents, Writer: e.writer, Before: e.pages,
		SourceErased: e.erased, TargetErased: e.erased,
		Store: func(ctx context.Context, record *manifest.Record) (ingest.Stored, error) {
			if sound {
				return ingest.StoredIn(record), nil
			}
			return ingest.StoredIn(record), storeMissing(ctx, contents, e.writer, record)
		},
		StoreItem: func(ctx context.Context, item *manifest.Item) (manifest.Item, error) {
			if sound {
				return *item, nil
			}
			return *item, storeItem(ctx, contents, e.writer, item)
		},
	}
	if sound {
		w.Keeps = func(page manifest.Page) bool { return !e.holds(page) }
	}
	return w
}

// unlessDamage reports damage in the result. It returns any other error.
func (r Rewritten) unlessDamage(ctx context.Context, err error) (Rewritten, error) {
	if ctx.Err() == nil && archive.IsDamage(err) {
		r.Err, err = err, nil
	}
	return r, err
}
