package restore

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// tour is the restoring of some mailboxes together, of as many as are planned at once. So what lies together in the
// packs is read together whichever mailbox it is of, and a message that lies in several is joined once.
//
//	fetch   the frames of a batch ──► join   and verify its messages ──► write   them into their folders
//
// Each step works on a batch of its own.
type tour struct {
	restore  *restore
	fillings []*filling
	messages int64 // that their rolls have, and their folders may
}

// tours divides what is to be delivered. The backup read the largest mailboxes first, side by side: in the same order
// what was stored together is wanted together.
func (r *restore) tours(deliveries []*delivery, places []Place) []*tour {
	order := make([]*filling, len(deliveries))
	for i, d := range deliveries {
		order[i] = &filling{restore: r, delivery: d, place: places[i]}
	}
	slices.SortStableFunc(order, func(a, b *filling) int { return cmp.Compare(b.delivery.messages, a.delivery.messages) })
	var list []*tour
	var current *tour
	for _, f := range order {
		n := f.delivery.mayBeThere()
		if current == nil || len(current.fillings) == tourFolders || current.messages+n > windowItems {
			current = &tour{restore: r}
			list = append(list, current)
		}
		current.fillings = append(current.fillings, f)
		current.messages += n
	}
	return list
}

const (
	// tourFolders bounds the folders of a tour, which are all open: some descriptors each, or what is known of what they hold.
	tourFolders = 32

	// toursAtOnce is how many tours are under way at once: one can be planned while another is written.
	toursAtOnce = 2

	// messagesAtOnce bounds the messages of the tours under way, for what is known of each stays in memory: one of a mailbox
	// with more is alone.
	messagesAtOnce = 1 << 19
)

// run restores the mailboxes: lists what is archived, asks what of it the target lacks, and adds that.
func (t *tour) run(ctx context.Context) error {
	err := t.each(ctx, (*filling).open)
	if err == nil {
		err = t.carry(ctx)
	}
	err = errors.Join(err, t.each(ctx, func(f *filling, _ context.Context) error { return f.close() }))
	if err == nil {
		t.restore.ledger.mailboxesDone(len(t.fillings))
	}
	t.fillings = nil // their rolls are not needed any more
	return err
}

// each does something for all mailboxes, some at once.
func (t *tour) each(ctx context.Context, do func(*filling, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, t.restore.Target.Parallel()))
	for _, f := range t.fillings {
		group.Go(func() error { return f.named(do(f, ctx)) })
	}
	return group.Wait()
}

// carry brings the folders what they lack.
func (t *tour) carry(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	fetched, joined := make(chan *batch), make(chan *batch)
	group.Go(func() error {
		defer close(fetched)
		return t.fetchAll(ctx, fetched)
	})
	group.Go(func() error {
		defer close(joined)
		for b := range fetched {
			if err := b.join(ctx); err != nil {
				return err
			}
			t.restore.Contents.Drop(b.last)
			if err := pass(ctx, joined, b); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range joined {
			if err := t.write(ctx, b); err != nil {
				return err
			}
			t.restore.release(b)
		}
		return nil
	})
	return group.Wait()
}

// pass hands a batch on.
func pass(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fetchAll plans window after window and fetches batch after batch.
func (t *tour) fetchAll(ctx context.Context, fetched chan<- *batch) error {
	messages, bytes := t.batchSize()
	for window, err := range t.windows(ctx) {
		if err != nil {
			return err
		}
		if err := t.plan(ctx, window); err != nil {
			return err
		}
		for _, b := range batches(window, messages, bytes) {
			if err := t.restore.fetch(ctx, b); err != nil {
				return err
			}
			if err := pass(ctx, fetched, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// batchSize is what every folder takes at once.
func (t *tour) batchSize() (messages int, bytes int64) {
	messages, bytes = batchMessages, batchBytes
	for _, f := range t.fillings {
		if f.folder != nil {
			n, size := f.folder.BatchSize()
			messages, bytes = limit(n, messages), limit(size, bytes)
		}
	}
	return messages, bytes
}

// join reads the messages of a batch and makes sure that they are what was archived. Those that are not leave the batch
// and are failures; so whatever a target does with an error, no message but the damaged one suffers.
func (b *batch) join(ctx context.Context) error {
	var room []byte // no larger than what the batch weighs: many small batches can be under way
	if !b.items[0].streamed() {
		room = make([]byte, b.weight)
	}
	group, joining := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for same := range b.alike() {
		var own []byte
		if size := same[0].row.size; int64(len(room)) >= size {
			own, room = room[:0:size], room[size:]
		}
		group.Go(func() error { return joinAlike(joining, same, own) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, it := range b.items {
		if it.unread == nil {
			continue
		}
		if err := it.filling.fail(ctx, it, it.unread); err != nil {
			return err
		}
	}
	b.items = slices.DeleteFunc(b.items, func(it *item) bool { return it.unread != nil })
	return nil
}

// joinAlike joins copies of one message. The first that can be read stands for all, for the hash they have in common is that
// of every byte.
func joinAlike(ctx context.Context, same []*item, room []byte) error {
	for _, it := range same {
		if err := it.join(ctx, room); err != nil {
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
func (t *tour) write(ctx context.Context, b *batch) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, t.restore.Target.Parallel()))
	for f, items := range b.byFolder() {
		group.Go(func() error { return f.named(f.write(ctx, items)) })
	}
	return group.Wait()
}
