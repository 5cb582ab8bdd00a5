package restore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Mirrorer is implemented by targets that can be made exactly what is archived.
//
// What is to go is found out before anything is added, and once more when all is added. What goes is what both times was too
// much: mail that comes meanwhile stays.
type Mirrorer interface {
	Previewer

	// Extra lists the mailboxes that the target has beside the places, those below others first; never INBOX. It is an
	// error that wraps errors.ErrUnsupported where nothing can be removed safely.
	Extra(ctx context.Context, places []Place) ([]Place, error)

	// OpenMirror takes down what a place holds now. Nothing is changed.
	OpenMirror(ctx context.Context, place Place) (Mirror, error)

	// RemoveEmpty removes a mailbox that Beyond listed, if it holds nothing.
	RemoveEmpty(ctx context.Context, place Place) (removed bool, err error)
}

// Mirror is what a place held when it was looked at, and what of it is too much.
type Mirror interface {
	// Require tells of messages that are to be there, all copies of one in the same call, and gives back how many are not.
	Require(ctx context.Context, wanted []Wanted) (missing int, err error)

	// Surplus is how many messages nobody wants to keep, and how many that stay have other flags than they should.
	Surplus() (surplus, reflagged int64)

	// Apply removes what was too much in an earlier weeding of the place too, and no other message, and sets flags. It tells
	// how many were removed, how many are there still, and how many got other flags.
	Apply(ctx context.Context, earlier Mirror) (MirrorResult, error)

	Close() error
}

// MirrorResult is what a Pull did.
type MirrorResult struct{ Removed, Left, Reflagged int64 }

// MirrorOptions ask a restore to make the target exactly what is restored.
type MirrorOptions struct {
	// Confirm is asked before anything is changed, if anything is to be removed. An error of it ends the restore.
	Confirm func(ctx context.Context, plan MirrorReport) error

	EvenIncomplete bool // also from a manifest that may lack messages, and though the target refuses some
}

// MirrorReport is what is to be removed from a target, and then what was.
type MirrorReport struct {
	Surplus   int64    // messages that the manifest does not have
	Reflagged int64    // messages with other flags
	Mailboxes []string // that the manifest does not have, in the target's words

	Done             bool // all was added, and removing began
	Removed          int64
	Left             int64 // not removed: the server kept it, or it was changed meanwhile
	FlagsSet         int64
	MailboxesRemoved int64
}

// mirroring is the mirroring of a restore under way.
type mirroring struct {
	restorer    *restorer
	target      Mirrorer
	routes      []*route
	places      []Place
	before      []Mirror // of the places that are there; nil for others
	extra       []Place
	extraBefore []Mirror // of beyond
}

// ErrNoMirror: the manifest, or what is chosen of it, is nothing that a target should be cut down to.
var ErrNoMirror = errors.New("nothing is pruned")

// checkMirror refuses what would remove mail that is not archived elsewhere, as far as that can be told.
func (r *restorer) checkMirror(routes []*route) error {
	m := r.Contents.Manifest
	switch {
	case r.Pick != nil:
		return fmt.Errorf("%w: single messages are chosen, and a target is pruned to whole mailboxes", ErrNoMirror)
	case m.State != manifest.Complete:
		return fmt.Errorf("%w: the manifest is a checkpoint of a run that did not end", ErrNoMirror)
	case r.recorder.report.Failed > 0:
		return fmt.Errorf("%w: some of the archive cannot be read", ErrNoMirror)
	case r.Mirror.EvenIncomplete:
		return nil
	case len(m.Failures) > 0:
		return fmt.Errorf("%w: messages are missing from the manifest, which could not be read from the account (%d failures)", ErrNoMirror, m.Totals.Failures)
	case len(m.Alarm) > 0:
		return fmt.Errorf("%w: the account had shrunk suspiciously when the manifest was laid", ErrNoMirror)
	}
	for _, rt := range routes {
		if box := rt.from; box.Selectable() && !box.Label && (!box.Complete || box.Inherited) {
			return fmt.Errorf("%w: mailbox %q is incomplete in the manifest", ErrNoMirror, box.Name)
		}
	}
	return nil
}

// planMirror finds out what is too much, before anything is added.
func (r *restorer) planMirror(ctx context.Context, routes []*route) (*mirroring, error) {
	target, ok := r.Target.(Mirrorer)
	if !ok {
		return nil, fmt.Errorf("%w: this target can only be added to", ErrNoMirror)
	}
	if err := r.checkMirror(routes); err != nil {
		return nil, err
	}
	p := &mirroring{restorer: r, target: target, routes: routes, before: make([]Mirror, len(routes))}
	var err error
	if p.places, err = target.Preview(ctx, mailboxesOf(routes)); err != nil {
		return nil, err
	}
	extra, err := target.Extra(ctx, p.places)
	if err != nil {
		return nil, err
	}
	if r.Mailboxes == nil { // of chosen mailboxes, only these are meant
		p.extra = extra
	}
	plan := &MirrorReport{}
	r.recorder.update(func(report *Report) { report.Mirror = plan })
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
	return p, r.checkMirror(routes) // pages have been read
}

// openMirror compares what a place holds with what goes there; nothing goes to a place beyond.
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

// require tells a mirror of all messages that go to its place.
func (p *mirroring) require(ctx context.Context, rt *route, m Mirror) (missing int64, err error) {
	list, err := p.restorer.listMessages(ctx, rt)
	if err != nil {
		return 0, err
	}
	err = list.inPieces(func(piece []uint32) error {
		wanted := make([]Wanted, len(piece))
		for i, at := range piece {
			wanted[i] = list.wanted(&rowBody{list: list, row: &list.rows[at]})
		}
		n, err := m.Require(ctx, wanted)
		missing += int64(n)
		if err == nil {
			err = list.readErr
		}
		return err
	})
	return missing, err
}

// apply removes, when all that is to be there has been added, what was too much before and is now.
func (p *mirroring) apply(ctx context.Context, places []Place) error {
	report := &p.restorer.recorder.report
	if report.Failed > 0 || report.Refused > 0 && !p.restorer.Mirror.EvenIncomplete {
		p.restorer.recorder.addNotes("nothing was removed, because not everything could be added")
		return nil
	}
	fresh, err := p.verify(ctx, places)
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

// verify looks at all places once more: everything that is to be there must be there.
func (p *mirroring) verify(ctx context.Context, places []Place) (fresh []Mirror, err error) {
	var missing int64
	fresh = make([]Mirror, len(places))
	for i, place := range places {
		if place.Skip {
			continue
		}
		m, err := p.target.OpenMirror(ctx, place)
		if err != nil {
			return nil, err
		}
		lacks, err := p.require(ctx, p.routes[i], m)
		if err := errors.Join(err, m.Close()); err != nil {
			return nil, err
		}
		fresh[i], missing = m, missing+lacks
	}
	if report := &p.restorer.recorder.report; missing > report.Refused || report.Failed > 0 {
		return nil, fmt.Errorf("nothing was removed: %d messages that should be in the target now are not", missing)
	}
	return fresh, nil
}

func (p *mirroring) applyTo(ctx context.Context, now, earlier Mirror) error {
	done, err := now.Apply(ctx, earlier)
	p.restorer.recorder.update(func(report *Report) {
		report.Mirror.Removed += done.Removed
		report.Mirror.Left += done.Left
		report.Mirror.FlagsSet += done.Reflagged
	})
	return err
}

// removeExtra empties a mailbox that nobody wants, and removes it, unless something has come into it.
func (p *mirroring) removeExtra(ctx context.Context, place Place, earlier Mirror) error {
	now, err := p.target.OpenMirror(ctx, place)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil // somebody else was faster
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
		p.restorer.recorder.addNotes(fmt.Sprintf("mailbox %s was not removed: there is something in it, or the target keeps it", place.Mailbox))
		return nil
	case err != nil:
		return err
	}
	p.restorer.recorder.update(func(report *Report) { report.Mirror.MailboxesRemoved++ })
	return nil
}
