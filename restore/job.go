package restore

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// job restores some mailboxes together. Their messages are planned at once, so what lies together
// in the packs is read together, and a message that is in several mailboxes is joined once.
//
//	fetch the frames of a batch ──► join and verify its messages ──► write them into their folders
//
// The three steps run at the same time, each with another batch.
type job struct {
	restorer  *restorer
	mailboxes []*mailboxJob
	messages  int64 // in the lists of the mailboxes; some may be in the folders already

	ended atomic.Bool // all mailboxes are put aside: nothing more is read for them
}

// jobs divides the mailboxes into jobs, the largest ones first. A backup reads them in the same
// order, so messages that are stored together are restored together.
func (r *restorer) jobs(routes []*route, places []Place) []*job {
	order := make([]*mailboxJob, len(routes))
	for i, rt := range routes {
		order[i] = &mailboxJob{restorer: r, route: rt, place: places[i]}
	}
	slices.SortStableFunc(order, func(a, b *mailboxJob) int { return cmp.Compare(b.route.messages, a.route.messages) })
	var list []*job
	var current *job
	for _, m := range order {
		n := m.route.maxInFolder()
		if current == nil || len(current.mailboxes) == r.jobFolders() || current.messages+n > windowItems {
			current = &job{restorer: r}
			list = append(list, current)
		}
		current.mailboxes = append(current.mailboxes, m)
		current.messages += n
	}
	return list
}

const (
	// maxJobFolders is the most folders of a job. They are all open, and each takes some
	// descriptors or memory.
	maxJobFolders = 32

	// concurrentJobs is the number of jobs that run at once, so that one is planned while another
	// is written.
	concurrentJobs = 2

	// maxJobMessages bounds the messages of all running jobs, because their lists are in memory. A
	// job of a larger mailbox runs alone.
	maxJobMessages = 1 << 19
)

// jobFolders returns the most folders of a job.
func (r *restorer) jobFolders() int {
	if b, ok := r.Target.(Bounded); ok {
		return min(max(1, b.MaxFolders()/concurrentJobs), maxJobFolders)
	}
	return maxJobFolders
}

// execute restores the mailboxes: it lists the archived messages, asks which of them the folders
// lack, and adds those.
func (j *job) execute(ctx context.Context) error {
	err := j.each(ctx, (*mailboxJob).open)
	if err == nil {
		err = j.each(ctx, (*mailboxJob).putAsideClosed)
	}
	j.dropAside()
	if err == nil {
		err = j.transfer(ctx)
	}
	j.dropAside()
	if err == nil {
		err = j.each(ctx, (*mailboxJob).settle)
	}
	if err == nil {
		err = j.each(ctx, (*mailboxJob).putAsidePostponed)
	}
	j.dropAside()
	// After an error, the folders usually close with the same one: the disk is full, or the
	// connection has ended.
	err = cmp.Or(err, j.each(ctx, func(m *mailboxJob, _ context.Context) error { return m.finish() }))
	if err == nil {
		for _, m := range j.mailboxes {
			if !m.lost {
				j.restorer.reporter.mailboxesDone(m.route.count())
			}
		}
	}
	j.mailboxes = nil // their lists are no longer needed
	return err
}

// each calls do for all mailboxes, for some at once.
func (j *job) each(ctx context.Context, do func(*mailboxJob, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, j.restorer.Target.Parallel()))
	for _, m := range j.mailboxes {
		group.Go(func() error { return m.named(do(m, ctx)) })
	}
	return group.Wait()
}

// transfer adds the missing messages to the folders.
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
			if err := j.join(ctx, b); err != nil {
				return err
			}
			if !b.streamed {
				j.restorer.used(ctx, b)
			}
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
			if b.streamed {
				j.restorer.used(ctx, b)
			}
			j.restorer.release(b)
		}
		return nil
	})
	return group.Wait()
}

// join joins the messages of a batch, if they are still to be written.
func (j *job) join(ctx context.Context, b *batch) error {
	if j.ended.Load() {
		b.holds = nil
		return nil
	}
	return j.restorer.join(ctx, b)
}

// send sends a batch to the next step.
func send(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// batchLimits returns the most messages and bytes that every folder accepts at once.
func (j *job) batchLimits() (messages int, bytes int64) {
	messages, bytes = batchMessages, serverBatchBytes
	if j.restorer.unordered { // files
		bytes = batchBytes
	}
	for _, m := range j.mailboxes {
		if m.folder != nil {
			n, size := m.folder.BatchSize()
			messages, bytes = limit(n, messages), limit(size, bytes)
		}
	}
	return messages, bytes
}

// write adds the messages of a batch to their folders.
func (j *job) write(outer context.Context, b *batch) error {
	group, ctx := errgroup.WithContext(outer)
	group.SetLimit(max(1, j.restorer.Target.Parallel()))
	for m, items := range b.byFolder() {
		group.Go(func() error { return m.named(m.write(ctx, items)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if j.allAside() {
		j.ended.Store(true)
	}
	return j.each(outer, (*mailboxJob).settleInTime)
}
