// Package restore brings an archived account, or some of its messages, back to where mail is read: Run.
//
// It declares where to: a Target makes mailboxes, and a Folder of it takes messages. It plans by where the messages lie in
// the packs, asks each folder what it lacks, verifies and hands over the rest, and keeps a ledger of what became of each.
package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Options say what is restored, and where to.
type Options struct {
	Contents *archive.Contents
	Target   Target

	Mailboxes   func(*manifest.Mailbox) bool // which; nil: all
	KeepDeleted bool                         // restore the flag \Deleted too; without it, deleted messages come back undeleted
	Pick        *Pick                        // which of their messages; nil: all
	Mirror      *MirrorOptions               // make the target exactly this; nil: only add
	Labels      LabelMode                    // what becomes of Gmail's labels
	DryRun      bool                         // only tell; see Previewer

	// ReportDir is a directory for what the target refuses: the messages as .eml, beside a file that says of each message
	// why, and what was changed of others. It is made when it is first needed.
	ReportDir string

	TimeLimit time.Duration // how long nothing may be restored until the restore is given up; 0: TimeLimit

	Progress func(Progress) // may be nil; called from several goroutines, never at once
}

// Unordered is implemented by targets that give nothing on the order in which a mailbox's messages come. To all others
// they come in ascending order of their archived UIDs, because new UIDs are given in the order of arrival.
type Unordered interface{ Unordered() bool }

// Run writes an archived account, or some of its mailboxes, to a target. What the target holds already is not added
// again, so a restore that was interrupted is made whole by another one.
//
// A message that cannot be read or that the target refuses does not stop the others: it is in the report. The error is
// for what ends a restore: a store that cannot be reached, a full disk, a connection lost for good. What was written
// until then is in the report too.
func Run(ctx context.Context, o Options) (*Report, error) {
	ctx, stop := o.watch(ctx)
	defer stop()
	r := &restore{
		Options: o,
		ledger:  newLedger(o.ReportDir, o.Progress),
		memory:  semaphore.NewWeighted(joinedBytes),
	}
	if u, ok := o.Target.(Unordered); ok {
		r.unordered = u.Unordered()
	}
	err := r.run(ctx)
	if stuck := (*stuckError)(nil); err != nil && errors.As(context.Cause(ctx), &stuck) {
		err = stuck // whatever came of it
	}
	report, errReport := r.ledger.close()
	return report, errors.Join(err, errReport)
}

// restore is one restore under way.
type restore struct {
	Options
	ledger    *ledger
	memory    *semaphore.Weighted // of the messages that are joined and not yet written
	unordered bool
	picked    map[*manifest.Mailbox]*picked // with Pick

	keepsLabels bool // the target has labels, and the messages come with theirs
}

func (r *restore) run(ctx context.Context) error {
	if r.Mirror != nil {
		if err := r.mayPrune(nil); err != nil {
			return err
		}
	}
	deliveries, err := r.choose(ctx)
	if err != nil || r.Pick != nil && len(deliveries) == 0 {
		return err
	}
	var prune *pruning
	if r.Mirror != nil {
		if prune, err = r.planPruning(ctx, deliveries); err != nil {
			return err
		}
	}
	if r.DryRun {
		return r.look(ctx, deliveries)
	}
	if prune != nil {
		if err := r.confirm(ctx); err != nil {
			return err
		}
	}
	places, err := r.prepare(ctx, deliveries)
	if err == nil {
		err = r.deliver(ctx, deliveries, places)
	}
	if err == nil && prune != nil {
		err = prune.carryOut(ctx, places)
	}
	return err
}

// confirm has a pruning confirmed that changes anything.
func (r *restore) confirm(ctx context.Context) error {
	plan := *r.ledger.report.Mirror
	if r.Mirror.Confirm == nil || plan.Surplus+plan.Reflagged == 0 && len(plan.Mailboxes) == 0 {
		return nil
	}
	return r.Mirror.Confirm(ctx, plan)
}

// deliver adds to each place what it lacks.
func (r *restore) deliver(ctx context.Context, deliveries []*delivery, places []Place) error {
	group, under := errgroup.WithContext(ctx)
	group.SetLimit(toursAtOnce)
	messages := semaphore.NewWeighted(messagesAtOnce)
	for _, t := range r.tours(deliveries, places) {
		weight := min(t.messages, messagesAtOnce)
		if messages.Acquire(under, weight) != nil {
			break
		}
		group.Go(func() error {
			defer messages.Release(weight)
			return t.run(under)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // between two tours nobody else notices
}

// prepare has the target make the mailboxes.
func (r *restore) prepare(ctx context.Context, deliveries []*delivery) ([]Place, error) {
	places, notes, err := r.Target.Prepare(ctx, asked(deliveries))
	r.ledger.note(notes...)
	if err != nil {
		return nil, err
	}
	if len(places) != len(deliveries) {
		return nil, fmt.Errorf("the target has places for %d of %d mailboxes", len(places), len(deliveries))
	}
	for i, place := range places {
		if place.Mailbox != deliveries[i].Name {
			return nil, fmt.Errorf("the target has a place for %q where one for %q was asked for", place.Mailbox, deliveries[i].Name)
		}
	}
	return places, nil
}

// asked are the mailboxes that the target is asked for.
func asked(deliveries []*delivery) []mail.Mailbox {
	mailboxes := make([]mail.Mailbox, len(deliveries))
	for i, d := range deliveries {
		mailboxes[i] = d.Mailbox
	}
	return mailboxes
}

// harm takes down a failure that is due to damage in the archive. It returns the error if it is of another kind, which
// would meet every other message too: a store that cannot be reached, an interruption.
func (r *restore) harm(ctx context.Context, problem Problem, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	problem.Kind = MessageFailed
	problem.Reason = err.Error()
	return r.ledger.add(problem)
}
