package replicate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// batch is a run that copies manifests of different accounts.
type batch struct {
	*copier
	run      *repo.Run
	writer   *repo.Writer
	messages sync.Pool // of *ingest.MessageWriter
	items    *ingest.ItemWriter
}

// finishFor bounds how long an interrupted copy goes on to save what it has copied.
const finishFor = 30 * time.Second

// batch copies manifests in one run, and reports them.
func (c *copier) batch(ctx context.Context, tasks []*task) (err error) {
	b := &batch{copier: c}
	if b.run, err = c.To.Begin(ctx); err != nil {
		return err
	}
	if err := eachAtOnce(tasks, func(t *task) error { return t.confirm(ctx, b.run) }); err != nil {
		return err
	}
	if b.writer, err = b.run.Writer(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.writer.Close()) }()
	b.messages.New = func() any { return ingest.NewMessageWriter(c.To, b.writer, nil) }
	b.items = ingest.NewItemWriter(c.To, b.writer)
	defer b.items.Close()

	unhurried, done := grace.Context(ctx, finishFor)
	defer done()
	ready, err := b.rewriteAll(ctx, tasks)
	if err != nil && ctx.Err() != nil { // what was copied is not to be copied again
		err = errors.Join(err, b.writer.Flush(unhurried))
	}
	err = cmp.Or(err, eachAtOnce(ready, func(t *task) error { return b.commit(unhurried, t) }))
	for _, t := range ready {
		if t.made == nil || t.committed {
			err = cmp.Or(err, c.finish(ctx, t))
		}
	}
	return err
}

// requestsAtOnce is how many manifests of a batch are put at once.
const requestsAtOnce = 16

// eachAtOnce calls do for all tasks, for some at once, and returns the first error.
func eachAtOnce(tasks []*task, do func(*task) error) error {
	var group errgroup.Group
	group.SetLimit(requestsAtOnce)
	for _, t := range tasks {
		group.Go(func() error { return do(t) })
	}
	return group.Wait()
}

// rewriteAll writes all but the manifests themselves. It returns those that can be committed, also
// after an error.
func (b *batch) rewriteAll(ctx context.Context, tasks []*task) (ready []*task, err error) {
	for i, t := range tasks {
		if err := b.rewrite(ctx, t); err != nil {
			return tasks[:i], fmt.Errorf("copy %s: %w", t.Summary.Head.Name, err)
		}
	}
	return tasks, nil
}

func (b *batch) rewrite(ctx context.Context, t *task) error {
	rewriter := b.rewriter(t)
	m, err := rewriter.Rewrite(ctx)
	if err != nil {
		return err
	}
	t.Lost = rewriter.Lost
	switch {
	case rewriter.NothingReadable(m) && !b.Empty:
		t.Err = rewrite.ErrNothingReadable
	case !t.again() || t.old.improvedBy(m):
		t.made, t.after = m, rewriter.After
	}
	return nil
}

// commit commits a copy. If there is an older one, which lacks something, the new one follows it.
func (b *batch) commit(ctx context.Context, t *task) (err error) {
	if t.made == nil {
		return nil
	}
	original := t.Summary
	at := original.Head.Time
	if t.again() {
		if at, err = rewrite.FreeTime(ctx, b.To, original.Manifest.Account, t.old.head); err != nil {
			return err
		}
	}
	t.made.Deadline, t.made.Origin, t.made.Parent = b.run.Deadline(), original.Origin(), b.copies.parentOf(original)
	head, err := b.writer.CommitAt(ctx, original.Manifest.Account, at, t.made.EncodeAt)
	if err != nil {
		return fmt.Errorf("copy %s: %w", original.Head.Name, err)
	}
	t.Head, t.Present, t.Improved, t.committed = head, false, t.again(), true
	return nil
}

// rewriter returns a Rewriter that copies what a manifest needs.
func (b *batch) rewriter(t *task) *rewrite.Rewriter {
	contents := b.source.Contents(t.Manifest)
	return &rewrite.Rewriter{
		From: contents, To: b.target, Writer: b.writer,
		Progress: b.Progress, Before: t.before, SourceErased: b.erased.from, TargetErased: b.erased.to,
		Store: func(ctx context.Context, record *manifest.Record) (ingest.Stored, error) {
			size := int64(0)
			if record.Probe != (chunk.Prefix{}) {
				size = record.Size // the copy has a probe of its own, under the other repository's key
			}
			return b.store(ctx, size, contents.Body(record))
		},
		StoreItem: func(ctx context.Context, item *manifest.Item) (manifest.Item, error) {
			content, err := contents.ItemContent(ctx, item)
			if err != nil {
				return manifest.Item{}, err
			}
			return b.items.Write(ctx, *item, content)
		},
	}
}

// store reads a message from the source and stores it in the target.
func (b *batch) store(ctx context.Context, size int64, body archive.Body) (ingest.Stored, error) {
	f := b.messages.Get().(*ingest.MessageWriter)
	defer b.messages.Put(f)
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := body.WriteTo(ctx, w)
		w.CloseWithError(err)
		read <- err
	}()
	filed, err := f.Write(ctx, nil, size, r)
	r.CloseWithError(errors.New("the copy was given up"))
	if unread := <-read; err == nil {
		err = unread
	}
	return filed, err
}
