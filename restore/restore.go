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

// Options say what is restored, and to which target.
type Options struct {
	Contents *archive.Contents
	Target   Target

	Mailboxes   func(*manifest.Mailbox) bool // selects mailboxes; nil: all
	KeepDeleted bool                         // restore the flag \Deleted, too
	Pick        *Pick                        // selects messages of these mailboxes; nil: all
	Mirror      *MirrorOptions               // also remove what is not restored; nil: only add
	Labels      LabelMode                    // what to do with labels of Gmail
	DryRun      bool                         // change nothing; see Previewer

	// Rights and Annotations restore the access rights and annotations of mailboxes, too, to a
	// PropertyTarget. Whole says that this is a restore of all mailboxes, with the annotations of
	// the account.
	Rights, Annotations, Whole bool

	// ReportDir is a directory for the messages that the target refuses or alters, as .eml, and for
	// report.txt, which has a line for each of them and for each message that was changed. It is
	// made when it is first needed. Empty: none.
	ReportDir string

	TimeLimit time.Duration // ends a restore that adds nothing for so long; 0: 6 hours

	// Confirm is called with what will be restored, before the target is changed. An error ends the
	// restore. It is not called if there is nothing to restore, and with DryRun. It may be nil.
	Confirm func(context.Context, Plan) error

	Progress func(Progress) // called by one goroutine at a time; may be nil
}

// Plan says what is going to be restored, as far as the target lacks it.
type Plan struct{ Mailboxes, Messages, Bytes int64 }

// LabelMode is what a restore does with the labels of Gmail, if the manifest has messages with
// labels.
type LabelMode uint8

const (
	LabelsAsMailboxes LabelMode = iota // add a message to the mailbox of each of its labels, or to All Mail if it has none
	LabelsAsKeywords                   // add a message once, with its labels as keywords (mail.LabelKeyword)
	LabelsLeftOut                      // add a message once, without its labels
)

// Run writes an archived account, or a part of it, to a target. It does not add messages that the
// target has already, so another Run completes an interrupted one.
//
// A message that cannot be read or that the target refuses does not stop the others. It is in the
// report. Run returns an error for what ends a restore: a store that cannot be reached, a full
// disk, a connection that stays lost. The report is valid then, too.
func Run(ctx context.Context, o Options) (*Report, error) {
	ctx, stop := o.watchStall(ctx)
	defer stop()
	r := &restorer{
		Options:  o,
		reporter: newReporter(o.ReportDir, o.Progress),
		memory:   semaphore.NewWeighted(joinedBytes),
		fetched:  semaphore.NewWeighted(fetchedBytes),
	}
	if u, ok := o.Target.(Unordered); ok {
		r.unordered = u.Unordered()
	}
	err := r.execute(ctx)
	if stall := (*stallError)(nil); err != nil && errors.As(context.Cause(ctx), &stall) {
		err = stall // instead of its consequences
	}
	report, errReport := r.reporter.finish()
	return report, errors.Join(err, errReport)
}

// restorer is the state of one Run.
type restorer struct {
	Options
	reporter  *reporter
	memory    *semaphore.Weighted // for messages that are joined and not yet written
	fetched   *semaphore.Weighted // for frames that are fetched and not yet used
	buffers   bufferPools
	unordered bool
	picked    map[*manifest.Mailbox]*picked // with Pick

	aside aside

	keepsLabels bool // the target has labels, and each message is added once with its labels
}

func (r *restorer) execute(ctx context.Context) error {
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
		return errors.Join(r.preview(ctx, routes), r.previewProperties(ctx, routes))
	}
	if r.Confirm != nil {
		plan := Plan{r.reporter.report.Mailboxes, r.reporter.report.Messages, r.reporter.report.Bytes}
		if err := r.Confirm(ctx, plan); err != nil {
			return err
		}
	}
	if mirror != nil {
		if err := r.confirm(ctx); err != nil {
			return err
		}
	}
	places, err := r.prepare(ctx, routes)
	if err == nil {
		if err = r.runJobs(ctx, routes, places); err == nil {
			err = r.restoreAside(ctx)
		}
		err = errors.Join(err, r.aside.close())
	}
	if err == nil {
		err = r.addProperties(ctx, routes, places)
	}
	if err == nil && mirror != nil {
		err = mirror.apply(ctx, places)
	}
	if whole, ok := r.Target.(Committer); ok && err == nil {
		err = whole.Commit()
	}
	return err
}

// confirm asks for a confirmation if mirroring would change anything.
func (r *restorer) confirm(ctx context.Context) error {
	plan := *r.reporter.report.Mirror
	if r.Mirror.Confirm == nil || plan.Surplus+plan.Reflagged == 0 && len(plan.Mailboxes) == 0 {
		return nil
	}
	return r.Mirror.Confirm(ctx, plan)
}

// runJobs adds the missing messages to each place.
func (r *restorer) runJobs(ctx context.Context, routes []*route, places []Place) error {
	group, under := errgroup.WithContext(ctx)
	group.SetLimit(concurrentJobs)
	messages := semaphore.NewWeighted(maxJobMessages)
	for _, j := range r.jobs(routes, places) {
		weight := min(j.messages, maxJobMessages)
		if messages.Acquire(under, weight) != nil {
			break
		}
		group.Go(func() error {
			defer messages.Release(weight)
			return j.execute(under)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // the loop may have ended between two jobs
}

// prepare makes the mailboxes in the target.
func (r *restorer) prepare(ctx context.Context, routes []*route) ([]Place, error) {
	places, notes, err := r.Target.Prepare(ctx, mailboxesOf(routes))
	r.reporter.addNotes(notes...)
	if err != nil {
		return nil, err
	}
	return places, checkPlaces(places, routes)
}

// previewPlaces returns the places that prepare would return, and makes nothing.
func previewPlaces(ctx context.Context, target Previewer, routes []*route) ([]Place, error) {
	places, err := target.Preview(ctx, mailboxesOf(routes))
	if err != nil {
		return nil, err
	}
	return places, checkPlaces(places, routes)
}

// checkPlaces returns an error if the places are not those of the routes, in their order.
func checkPlaces(places []Place, routes []*route) error {
	if len(places) != len(routes) {
		return fmt.Errorf("the target returned places for %d of %d mailboxes", len(places), len(routes))
	}
	for i, place := range places {
		if place.Mailbox != routes[i].Name {
			return fmt.Errorf("the target returned a place for mailbox %q instead of %q", place.Mailbox, routes[i].Name)
		}
	}
	return nil
}

// mailboxesOf returns the mailboxes of routes.
func mailboxesOf(routes []*route) []mail.Mailbox {
	mailboxes := make([]mail.Mailbox, len(routes))
	for i, rt := range routes {
		mailboxes[i] = rt.Mailbox
	}
	return mailboxes
}

// reportDamage reports a failure that is due to damage in the archive, with err as its Reason. It
// returns other errors, which would affect all other messages, too: a store that cannot be reached,
// an interruption.
func (r *restorer) reportDamage(ctx context.Context, problem Problem, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	problem.Kind = MessageFailed
	problem.Reason = err.Error()
	return r.reporter.add(problem)
}
