package restore

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// job is the restoring of some mailboxes together, of as many as are planned at once. So what lies together in the
// packs is read together whichever mailbox it is of, and a message that lies in several is joined once.
//
//	fetch   the frames of a batch ──► join   and verify its messages ──► write   them into their folders
//
// Each step works on a batch of its own.
type job struct {
	restorer  *restorer
	mailboxes []*mailboxJob
	messages  int64 // that their rolls have, and their folders may
}

// jobs divides what is to be delivered. The backup read the largest mailboxes first, side by side: in the same order
// what was stored together is wanted together.
func (r *restorer) jobs(routes []*route, places []Place) []*job {
	order := make([]*mailboxJob, len(routes))
	for i, d := range routes {
		order[i] = &mailboxJob{restorer: r, route: d, place: places[i]}
	}
	slices.SortStableFunc(order, func(a, b *mailboxJob) int { return cmp.Compare(b.route.messages, a.route.messages) })
	var list []*job
	var current *job
	for _, m := range order {
		n := m.route.maxInFolder()
		if current == nil || len(current.mailboxes) == jobFolders || current.messages+n > windowItems {
			current = &job{restorer: r}
			list = append(list, current)
		}
		current.mailboxes = append(current.mailboxes, m)
		current.messages += n
	}
	return list
}

const (
	// jobFolders bounds the folders of a job, which are all open: some descriptors each, or what is known of what they hold.
	jobFolders = 32

	// concurrentJobs is how many jobs are under way at once: one can be planned while another is written.
	concurrentJobs = 2

	// maxJobMessages bounds the messages of the jobs under way, for what is known of each stays in memory: one of a mailbox
	// with more is alone.
	maxJobMessages = 1 << 19
)

// run restores the mailboxes: lists what is archived, asks what of it the target lacks, and adds that.
func (j *job) run(ctx context.Context) error {
	err := j.each(ctx, (*mailboxJob).open)
	if err == nil {
		err = j.transfer(ctx)
	}
	err = errors.Join(err, j.each(ctx, func(m *mailboxJob, _ context.Context) error { return m.close() }))
	if err == nil {
		j.restorer.recorder.mailboxesDone(len(j.mailboxes))
	}
	j.mailboxes = nil // their rolls are not needed any more
	return err
}

// each does something for all mailboxes, some at once.
func (j *job) each(ctx context.Context, do func(*mailboxJob, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, j.restorer.Target.Parallel()))
	for _, m := range j.mailboxes {
		group.Go(func() error { return m.named(do(m, ctx)) })
	}
	return group.Wait()
}

// carry brings the folders what they lack.
func (j *job) transfer(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	fetched, joined := make(chan *batch), make(chan *batch)
	group.Go(func() error {
		defer close(fetched)
		return j.fetchAll(ctx, fetched)
	})
	group.Go(func() error {
		defer close(joined)
		for b := range fetched {
			if err := b.join(ctx); err != nil {
				return err
			}
			j.restorer.Contents.Drop(b.last)
			if err := send(ctx, joined, b); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range joined {
			if err := j.write(ctx, b); err != nil {
				return err
			}
			j.restorer.release(b)
		}
		return nil
	})
	return group.Wait()
}

// send hands a batch on.
func send(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fetchAll plans window after window and fetches batch after batch.
func (j *job) fetchAll(ctx context.Context, fetched chan<- *batch) error {
	messages, bytes := j.batchSize()
	for window, err := range j.windows(ctx) {
		if err != nil {
			return err
		}
		if err := j.plan(ctx, window); err != nil {
			return err
		}
		for _, b := range batches(window, messages, bytes) {
			if err := j.restorer.fetch(ctx, b); err != nil {
				return err
			}
			if err := send(ctx, fetched, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// batchSize is what every folder takes at once.
func (j *job) batchSize() (messages int, bytes int64) {
	messages, bytes = batchMessages, batchBytes
	for _, m := range j.mailboxes {
		if m.folder != nil {
			n, size := m.folder.BatchSize()
			messages, bytes = limit(n, messages), limit(size, bytes)
		}
	}
	return messages, bytes
}

// join reads the messages of a batch and makes sure that they are what was archived. Those that are not leave the batch
// and are failures; so whatever a target does with an error, no message but the damaged one suffers.
func (b *batch) join(ctx context.Context) error {
	var buf []byte // no larger than what the batch weighs: many small batches can be under way
	if !b.items[0].streamed() {
		buf = make([]byte, b.weight)
	}
	group, joining := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for same := range b.copies() {
		var own []byte
		if size := same[0].row.size; int64(len(buf)) >= size {
			own, buf = buf[:0:size], buf[size:]
		}
		group.Go(func() error { return joinCopies(joining, same, own) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, it := range b.items {
		if it.unread == nil {
			continue
		}
		if err := it.mailbox.fail(ctx, it, it.unread); err != nil {
			return err
		}
	}
	b.items = slices.DeleteFunc(b.items, func(it *item) bool { return it.unread != nil })
	return nil
}

// joinCopies joins copies of one message. The first that can be read stands for all, for the hash they have in common is that
// of every byte.
func joinCopies(ctx context.Context, same []*item, buf []byte) error {
	for _, it := range same {
		if err := it.join(ctx, buf); err != nil {
			return err
		}
		if it.unread == nil {
			for _, other := range same {
				other.data, other.unread = it.data, nil
			}
			return nil
		}
	}
	return nil
}

// write has each folder add what a batch has for it.
func (j *job) write(ctx context.Context, b *batch) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, j.restorer.Target.Parallel()))
	for m, items := range b.byFolder() {
		group.Go(func() error { return m.named(m.write(ctx, items)) })
	}
	return group.Wait()
}
