package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
)

// mailbox restores one mailbox: lists what is archived, asks what of it the target lacks, and adds that.
func (r *restore) mailbox(ctx context.Context, d *delivery, place Place) (err error) {
	list, err := r.callRoll(ctx, d)
	if err != nil {
		return err
	}
	if len(list.rows) > 0 {
		folder, err := r.open(ctx, place)
		if err != nil {
			return err
		}
		f := &filling{restore: r, roll: list, folder: folder}
		if err := errors.Join(f.run(ctx), folder.Close()); err != nil {
			return err
		}
	}
	r.ledger.mailboxDone()
	return nil
}

// open opens the target's folder. One that the target refuses to open takes no messages, and is no reason not to restore
// the others.
func (r *restore) open(ctx context.Context, place Place) (Folder, error) {
	if place.Skip {
		return noFolder{errNoPlace}, nil
	}
	folder, err := r.Target.Open(ctx, place)
	if errors.Is(err, archive.ErrRefused) || errors.Is(err, archive.ErrNoMailbox) {
		return noFolder{err}, nil
	}
	return folder, err
}

// filling is the adding of what is missing to one folder. While one batch is written the next is joined, and the frames
// of the one after it are fetched.
type filling struct {
	restore *restore
	roll    *roll
	folder  Folder
}

func (f *filling) run(ctx context.Context) error {
	if err := f.roll.compare(ctx, f.restore, f.folder); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	fetched, joined := make(chan *batch), make(chan *batch)
	group.Go(func() error {
		defer close(fetched)
		return f.fetchAll(ctx, fetched)
	})
	group.Go(func() error {
		defer close(joined)
		for b := range fetched {
			if err := f.prepare(ctx, b); err != nil {
				return err
			}
			if err := pass(ctx, joined, b); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range joined {
			if err := f.write(ctx, b); err != nil {
				return err
			}
			f.restore.release(b)
		}
		return nil
	})
	return group.Wait()
}

// fetchAll plans window after window and fetches batch after batch.
func (f *filling) fetchAll(ctx context.Context, fetched chan<- *batch) error {
	messages, bytes := f.folder.BatchSize()
	for window, err := range f.windows(ctx) {
		if err != nil {
			return err
		}
		if err := f.plan(ctx, window); err != nil {
			return err
		}
		for _, b := range batches(window, messages, bytes) {
			if err := f.fetch(ctx, b); err != nil {
				return err
			}
			if err := pass(ctx, fetched, b); err != nil {
				return err
			}
		}
	}
	return nil
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

// write has the folder add a batch, and takes down what became of each message.
func (f *filling) write(ctx context.Context, b *batch) error {
	if len(b.items) == 0 {
		return nil
	}
	wanted := make([]Wanted, len(b.items))
	for i, item := range b.items {
		wanted[i] = item.wanted(f.roll)
	}
	fates, err := f.folder.Append(ctx, wanted)
	for i, fate := range fates[:min(len(fates), len(b.items))] {
		if err != nil && !fate.Added && fate.Refused == nil {
			continue // nothing is known of it
		}
		if err := f.settle(ctx, b.items[i], fate); err != nil {
			return err
		}
	}
	if err == nil && len(fates) != len(b.items) {
		err = fmt.Errorf("the target told what became of %d of %d messages", len(fates), len(b.items))
	}
	return err
}

// settle takes down what became of a message.
func (f *filling) settle(ctx context.Context, item *item, fate Fate) error {
	ledger := f.restore.ledger
	problem := Problem{Mailbox: f.roll.mailbox.Name, UID: item.row.uid}
	if len(fate.Changed) > 0 || fate.Altered {
		problem.Reason = strings.Join(fate.Changed, "; ")
		if fate.Altered {
			kept, err := ledger.keep(ctx, f.roll.mailbox, item.row.uid, item)
			if err != nil {
				return err
			}
			problem.Kind, problem.Kept = MessageAltered, kept
		}
		if err := ledger.add(problem); err != nil {
			return err
		}
	}
	switch {
	case item.unread != nil:
		return f.fail(ctx, item, item.unread)
	case fate.Refused != nil:
		return f.refuse(ctx, item, fate.Refused)
	case fate.Added:
		ledger.added(1, item.row.size)
	default: // the folder found it there after all
		ledger.present(1, item.row.size)
	}
	return nil
}

// refuse keeps a message that the target does not take.
func (f *filling) refuse(ctx context.Context, item *item, reason error) error {
	kept, err := f.restore.ledger.keep(ctx, f.roll.mailbox, item.row.uid, item)
	if item.unread != nil {
		return f.fail(ctx, item, item.unread)
	}
	if err != nil {
		return err
	}
	f.restore.ledger.lost(1, item.row.size)
	return f.restore.ledger.add(Problem{
		Kind:    MessageRefused,
		Mailbox: f.roll.mailbox.Name,
		UID:     item.row.uid,
		Reason:  reason.Error(),
		Kept:    kept,
	})
}

// fail takes down a message that cannot be read.
func (f *filling) fail(ctx context.Context, item *item, reason error) error {
	item.row.state = rowDone
	f.restore.ledger.lost(1, item.row.size)
	return f.restore.harm(ctx, Problem{Mailbox: f.roll.mailbox.Name, UID: item.row.uid}, reason)
}

// errNoPlace is why messages of a mailbox are refused that the target has no place for.
var errNoPlace = errors.New("the target has no place for this mailbox's messages")

// noFolder is the folder of a mailbox that the target can hold no messages of: it refuses all.
type noFolder struct{ reason error }

func (noFolder) Missing(_ context.Context, wanted []Wanted) ([]int, error) {
	all := make([]int, len(wanted))
	for i := range all {
		all[i] = i
	}
	return all, nil
}

func (n noFolder) Append(_ context.Context, messages []Wanted) ([]Fate, error) {
	fates := make([]Fate, len(messages))
	for i := range fates {
		fates[i].Refused = n.reason
	}
	return fates, nil
}

func (noFolder) BatchSize() (int, int64) { return 0, 0 }
func (noFolder) Close() error            { return nil }
