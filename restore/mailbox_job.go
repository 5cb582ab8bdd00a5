package restore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// filling is the adding to one folder of what it lacks.
type filling struct {
	restore  *restore
	delivery *delivery
	place    Place
	roll     *roll
	folder   Folder // nil: nothing is archived for it
}

// open lists what is archived, and asks the folder what of it is missing.
func (f *filling) open(ctx context.Context) (err error) {
	if f.roll, err = f.restore.callRoll(ctx, f.delivery); err != nil || len(f.roll.rows) == 0 {
		return err
	}
	if f.folder, err = f.restore.open(ctx, f.place); err != nil {
		return err
	}
	return f.roll.compare(ctx, f.restore, f.folder)
}

// close ends the adding. What was added has come to stay if there is no error.
func (f *filling) close() error {
	if f.folder == nil {
		return nil
	}
	return f.folder.Close()
}

// named says which mailbox an error is about.
func (f *filling) named(err error) error {
	if err != nil {
		err = fmt.Errorf("mailbox %q: %w", f.delivery.Name, err)
	}
	return err
}

// open opens the target's folder. One that the target refuses to open takes no messages, and is no reason not to restore
// the others.
func (r *restore) open(ctx context.Context, place Place) (Folder, error) {
	if place.Skip {
		return noFolder{errNoPlace}, nil
	}
	folder, err := r.Target.Open(ctx, place)
	if errors.Is(err, mail.ErrRefused) || errors.Is(err, mail.ErrNoMailbox) {
		return noFolder{err}, nil
	}
	return folder, err
}

// write has the folder add messages, and takes down what became of each.
func (f *filling) write(ctx context.Context, items []*item) error {
	wanted := make([]Wanted, len(items))
	for i, item := range items {
		wanted[i] = item.wanted()
	}
	fates, err := f.folder.Append(ctx, wanted)
	for i, fate := range fates[:min(len(fates), len(items))] {
		if err != nil && !fate.Added && fate.Refused == nil {
			continue // nothing is known of it
		}
		if err := f.settle(ctx, items[i], fate); err != nil {
			return err
		}
	}
	if err == nil && len(fates) != len(items) {
		err = fmt.Errorf("the target told what became of %d of %d messages", len(fates), len(items))
	}
	return err
}

// settle takes down what became of a message.
func (f *filling) settle(ctx context.Context, item *item, fate AppendResult) error {
	ledger := f.restore.ledger
	if err := ledger.notice(ctx, f.roll.mailbox, item.row.uid, fate, item); err != nil {
		return err
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

func (n noFolder) Append(_ context.Context, messages []Wanted) ([]AppendResult, error) {
	fates := make([]AppendResult, len(messages))
	for i := range fates {
		fates[i].Refused = n.reason
	}
	return fates, nil
}

func (noFolder) BatchSize() (int, int64) { return 0, 0 }
func (noFolder) Close() error            { return nil }
