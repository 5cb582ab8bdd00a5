package restore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// MirrorOptions make a restore remove what is not restored.
type MirrorOptions struct {
	// Confirm is called before anything is changed, if anything would be removed or reflagged. Its
	// error ends the restore.
	Confirm func(ctx context.Context, plan MirrorReport) error

	Alarm          string // why the account may have had more before, as a sentence (archive.Suspect); "": not known
	Acknowledged   bool   // somebody has acknowledged the alarm of the manifest itself
	EvenIncomplete bool   // also if the manifest may lack messages, or the target refuses some
}

// MirrorReport is what would be removed from a target, and then what was removed.
type MirrorReport struct {
	Surplus   int64    // messages that the manifest does not have
	Reflagged int64    // messages with other flags
	Mailboxes []string // that the manifest does not have, by their names in the target

	Done             bool // everything was added, and removing began
	Removed          int64
	Left             int64 // not removed: the server kept them, or they were changed meanwhile
	FlagsSet         int64
	MailboxesRemoved int64
}

// mirroring is the state of a restore with Options.Mirror.
type mirroring struct {
	restorer    *restorer
	target      Mirrorer
	routes      []*route
	places      []Place
	before      []Mirror // of the places, before anything was added; nil: the place did not exist
	extra       []Place
	extraBefore []Mirror // of the extra places
}

// errNoMirror is wrapped by the errors of Run if removing mail from the target is not safe.
var errNoMirror = errors.New("nothing is pruned")

// checkMirror returns an error if mirroring could remove mail that is nowhere else, as far as that
// is known.
func (r *restorer) checkMirror(routes []*route) error {
	m := r.Contents.Manifest
	switch {
	case r.Pick != nil:
		return fmt.Errorf("%w: a target can be pruned to whole mailboxes only; single messages are selected",
			errNoMirror)
	case m.State != manifest.Complete:
		return fmt.Errorf("%w: the manifest is a checkpoint of an incomplete run", errNoMirror)
	case r.reporter.report.Failed > 0:
		return fmt.Errorf("%w: some of the archive cannot be read", errNoMirror)
	case r.Mirror.EvenIncomplete:
		return nil
	case len(m.Failures) > 0:
		return fmt.Errorf("%w: the manifest lacks messages that could not be read from the account (%d failures)",
			errNoMirror, m.Totals.Failures)
	case len(m.Alarm) > 0 && !r.Mirror.Acknowledged:
		return fmt.Errorf("%w: the account had shrunk suspiciously when the manifest was written", errNoMirror)
	case r.Mirror.Alarm != "":
		return fmt.Errorf("%w: the manifest may lack what the account lost before: %s", errNoMirror, r.Mirror.Alarm)
	}
	for _, rt := range routes {
		if box := rt.from; box.Selectable() && !box.Label && (!box.Complete || box.Inherited) {
			return fmt.Errorf("%w: mailbox %q is incomplete in the manifest", errNoMirror, box.Name)
		}
	}
	return nil
}

// planMirror finds what is surplus, before anything is added.
func (r *restorer) planMirror(ctx context.Context, routes []*route) (*mirroring, error) {
	target, ok := r.Target.(Mirrorer)
	if !ok {
		return nil, fmt.Errorf("%w: this target can only be added to", errNoMirror)
	}
	if err := r.checkMirror(routes); err != nil {
		return nil, err
	}
	p := &mirroring{restorer: r, target: target, routes: routes, before: make([]Mirror, len(routes))}
	var err error
	if p.places, err = previewPlaces(ctx, target, routes); err != nil {
		return nil, err
	}
	extra, err := target.Extra(ctx, p.places)
	if err != nil {
		return nil, err
	}
	if r.Mailboxes == nil { // a selection of mailboxes leaves the others alone
		p.extra = extra
	}
	plan := &MirrorReport{}
	r.reporter.update(func(report *Report) { report.Mirror = plan })
	for i, rt := range routes {
		if p.before[i], err = p.openMirror(ctx, rt, p.places[i], plan); err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", rt.Name, err)
		}
	}
	for _, place := range p.extra {
		m, err := p.openMirror(ctx, nil, place, plan)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", place.Mailbox, err)
		}
		p.extraBefore = append(p.extraBefore, m)
		plan.Mailboxes = append(plan.Mailboxes, place.Mailbox)
	}
	return p, r.checkMirror(routes) // again, because pages have been read
}

// openMirror compares a place with its route and adds the surplus to plan. An extra place has no
// route.
func (p *mirroring) openMirror(ctx context.Context, rt *route, place Place, plan *MirrorReport) (Mirror, error) {
	if place.Name == "" || place.Skip {
		return nil, nil
	}
	m, err := p.target.OpenMirror(ctx, place)
	if err != nil {
		return nil, err
	}
	if rt != nil {
		if _, err := p.require(ctx, rt, m); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	surplus, reflagged := m.Surplus()
	plan.Surplus += surplus
	plan.Reflagged += reflagged
	return m, m.Close()
}

// require calls Require with all messages of the route of a place.
func (p *mirroring) require(ctx context.Context, rt *route, m Mirror) (missing int64, err error) {
	list, err := p.restorer.listMessages(ctx, rt)
	if err != nil {
		return 0, err
	}
	err = list.inPieces(func(piece []uint32) error {
		n, err := m.Require(ctx, list.wanted(piece))
		missing += int64(n)
		if err == nil {
			err = list.readErr
		}
		return err
	})
	return missing, err
}

// apply removes what was surplus before the restore and still is, after everything has been added.
func (p *mirroring) apply(ctx context.Context, places []Place) error {
	report := &p.restorer.reporter.report
	if report.Failed+report.Lost > 0 || report.Refused > 0 && !p.restorer.Mirror.EvenIncomplete {
		p.restorer.reporter.addNotes("nothing was removed, because not everything could be added")
		return nil
	}
	fresh, err := p.reopen(ctx, places)
	if err != nil {
		return err
	}
	report.Mirror.Done = true
	for i, m := range p.before {
		if m == nil {
			continue
		}
		if err := p.applyTo(ctx, fresh[i], m); err != nil {
			return fmt.Errorf("mailbox %q: %w", p.routes[i].Name, err)
		}
	}
	for i, place := range p.extra {
		if err := p.removeExtra(ctx, place, p.extraBefore[i]); err != nil {
			return fmt.Errorf("mailbox %q: %w", place.Mailbox, err)
		}
	}
	return nil
}

// reopen opens all places again and returns an error if messages are missing.
func (p *mirroring) reopen(ctx context.Context, places []Place) (fresh []Mirror, err error) {
	var missing int64
	fresh = make([]Mirror, len(places))
	for i, place := range places {
		if place.Skip {
			continue
		}
		m, err := p.target.OpenMirror(ctx, place)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", p.routes[i].Name, err)
		}
		lacks, err := p.require(ctx, p.routes[i], m)
		if err := errors.Join(err, m.Close()); err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", p.routes[i].Name, err)
		}
		fresh[i], missing = m, missing+lacks
	}
	if report := &p.restorer.reporter.report; missing > report.Refused || report.Failed > 0 {
		return nil, fmt.Errorf("nothing was removed: %d messages are missing from the target", missing)
	}
	return fresh, nil
}

func (p *mirroring) applyTo(ctx context.Context, now, earlier Mirror) error {
	done, err := now.Apply(ctx, earlier)
	p.restorer.reporter.update(func(report *Report) {
		report.Mirror.Removed += done.Removed
		report.Mirror.Left += done.Left
		report.Mirror.FlagsSet += done.Reflagged
	})
	return err
}

// removeExtra empties an extra mailbox and removes it, unless new mail has arrived in it.
func (p *mirroring) removeExtra(ctx context.Context, place Place, earlier Mirror) error {
	now, err := p.target.OpenMirror(ctx, place)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil // it was removed meanwhile
	}
	if err != nil {
		return err
	}
	if err := errors.Join(now.Close(), p.applyTo(ctx, now, earlier)); err != nil {
		return err
	}
	removed, err := p.target.RemoveEmpty(ctx, place)
	switch {
	case errors.Is(err, mail.ErrRefused), err == nil && !removed:
		p.restorer.reporter.addNotes(
			fmt.Sprintf("mailbox %s was not removed: it is not empty, or the target keeps it", place.Mailbox))
		return nil
	case err != nil:
		return err
	}
	p.restorer.reporter.update(func(report *Report) { report.Mirror.MailboxesRemoved++ })
	return nil
}
