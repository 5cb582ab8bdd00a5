// Package restore brings an archived account, or some of its messages, back to where mail is read: Run.
//
// It declares where to: a Target makes mailboxes, and a Folder of it takes messages. It plans by where the messages lie in
// the packs, asks each folder what it lacks, verifies and hands over the rest, and keeps a recorder of what became of each.
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
	ctx, stop := o.watchStall(ctx)
	defer stop()
	r := &restorer{
		Options:  o,
		recorder: newRecorder(o.ReportDir, o.Progress),
		memory:   semaphore.NewWeighted(joinedBytes),
	}
	if u, ok := o.Target.(Unordered); ok {
		r.unordered = u.Unordered()
	}
	err := r.run(ctx)
	if stall := (*stallError)(nil); err != nil && errors.As(context.Cause(ctx), &stall) {
		err = stall // whatever came of it
	}
	report, errReport := r.recorder.close()
	return report, errors.Join(err, errReport)
}

// restorer is one restore under way.
type restorer struct {
	Options
	recorder  *recorder
	memory    *semaphore.Weighted // of the messages that are joined and not yet written
	unordered bool
	picked    map[*manifest.Mailbox]*picked // with Pick

	keepsLabels bool // the target has labels, and the messages come with theirs
}

func (r *restorer) run(ctx context.Context) error {
	if r.Mirror != nil {
		if err := r.checkMirror(nil); err != nil {
			return err
		}
	}
	routes, err := r.chooseRoutes(ctx)
	if err != nil || r.Pick != nil && len(routes) == 0 {
		return err
	}
	var mirror *mirroring
	if r.Mirror != nil {
		if mirror, err = r.planMirror(ctx, routes); err != nil {
			return err
		}
	}
	if r.DryRun {
		return r.preview(ctx, routes)
	}
	if mirror != nil {
		if err := r.confirm(ctx); err != nil {
			return err
		}
	}
	places, err := r.prepare(ctx, routes)
	if err == nil {
		err = r.runJobs(ctx, routes, places)
	}
	if err == nil && mirror != nil {
		err = mirror.apply(ctx, places)
	}
	return err
}

// confirm has a pruning confirmed that changes anything.
func (r *restorer) confirm(ctx context.Context) error {
	plan := *r.recorder.report.Mirror
	if r.Mirror.Confirm == nil || plan.Surplus+plan.Reflagged == 0 && len(plan.Mailboxes) == 0 {
		return nil
	}
	return r.Mirror.Confirm(ctx, plan)
}

// runJobs adds to each place what it lacks.
func (r *restorer) runJobs(ctx context.Context, routes []*route, places []Place) error {
	group, under := errgroup.WithContext(ctx)
	group.SetLimit(concurrentJobs)
	messages := semaphore.NewWeighted(maxJobMessages)
	for _, t := range r.jobs(routes, places) {
		weight := min(t.messages, maxJobMessages)
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
	return context.Cause(ctx) // between two jobs nobody else notices
}

// prepare has the target make the mailboxes.
func (r *restorer) prepare(ctx context.Context, routes []*route) ([]Place, error) {
	places, notes, err := r.Target.Prepare(ctx, mailboxesOf(routes))
	r.recorder.addNotes(notes...)
	if err != nil {
		return nil, err
	}
	if len(places) != len(routes) {
		return nil, fmt.Errorf("the target has places for %d of %d mailboxes", len(places), len(routes))
	}
	for i, place := range places {
		if place.Mailbox != routes[i].Name {
			return nil, fmt.Errorf("the target has a place for %q where one for %q was asked for", place.Mailbox, routes[i].Name)
		}
	}
	return places, nil
}

// mailboxesOf are the mailboxes that the target is asked for.
func mailboxesOf(routes []*route) []mail.Mailbox {
	mailboxes := make([]mail.Mailbox, len(routes))
	for i, rt := range routes {
		mailboxes[i] = rt.Mailbox
	}
	return mailboxes
}

// recordDamage takes down a failure that is due to damage in the archive. It returns the error if it is of another kind, which
// would meet every other message too: a store that cannot be reached, an interruption.
func (r *restorer) recordDamage(ctx context.Context, problem Problem, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	problem.Kind = MessageFailed
	problem.Reason = err.Error()
	return r.recorder.add(problem)
}
