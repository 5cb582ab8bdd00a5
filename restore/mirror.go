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

// pruning is the pruning of a restore under way.
type pruning struct {
	restore    *restore
	weeder     Mirrorer
	deliveries []*delivery
	places     []Place
	weeds      []Mirror // of the places that are there; nil for others
	beyond     []Place
	others     []Mirror // of beyond
}

// ErrNoMirror: the manifest, or what is chosen of it, is nothing that a target should be cut down to.
var ErrNoMirror = errors.New("nothing is pruned")

// mayPrune refuses what would remove mail that is not archived elsewhere, as far as that can be told.
func (r *restore) mayPrune(deliveries []*delivery) error {
	m := r.Contents.Manifest
	switch {
	case r.Pick != nil:
		return fmt.Errorf("%w: single messages are chosen, and a target is pruned to whole mailboxes", ErrNoMirror)
	case m.State != manifest.Complete:
		return fmt.Errorf("%w: the manifest is a checkpoint of a run that did not end", ErrNoMirror)
	case r.ledger.report.Failed > 0:
		return fmt.Errorf("%w: some of the archive cannot be read", ErrNoMirror)
	case r.Mirror.EvenIncomplete:
		return nil
	case len(m.Failures) > 0:
		return fmt.Errorf("%w: messages are missing from the manifest, which could not be read from the account (%d failures)", ErrNoMirror, m.Totals.Failures)
	case len(m.Alarm) > 0:
		return fmt.Errorf("%w: the account had shrunk suspiciously when the manifest was laid", ErrNoMirror)
	}
	for _, d := range deliveries {
		if box := d.from; box.Selectable() && !box.Label && (!box.Complete || box.Inherited) {
			return fmt.Errorf("%w: mailbox %q is incomplete in the manifest", ErrNoMirror, box.Name)
		}
	}
	return nil
}

// planPruning finds out what is too much, before anything is added.
func (r *restore) planPruning(ctx context.Context, deliveries []*delivery) (*pruning, error) {
	weeder, ok := r.Target.(Mirrorer)
	if !ok {
		return nil, fmt.Errorf("%w: this target can only be added to", ErrNoMirror)
	}
	if err := r.mayPrune(deliveries); err != nil {
		return nil, err
	}
	p := &pruning{restore: r, weeder: weeder, deliveries: deliveries, weeds: make([]Mirror, len(deliveries))}
	var err error
	if p.places, err = weeder.Preview(ctx, asked(deliveries)); err != nil {
		return nil, err
	}
	beyond, err := weeder.Extra(ctx, p.places)
	if err != nil {
		return nil, err
	}
	if r.Mailboxes == nil { // of chosen mailboxes, only these are meant
		p.beyond = beyond
	}
	plan := &MirrorReport{}
	r.ledger.update(func(report *Report) { report.Mirror = plan })
	for i, d := range deliveries {
		if p.weeds[i], err = p.weed(ctx, d, p.places[i], plan); err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", d.Name, err)
		}
	}
	for _, place := range p.beyond {
		w, err := p.weed(ctx, nil, place, plan)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", place.Mailbox, err)
		}
		p.others = append(p.others, w)
		plan.Mailboxes = append(plan.Mailboxes, place.Mailbox)
	}
	return p, r.mayPrune(deliveries) // pages have been read
}

// weed compares what a place holds with what goes there; nothing goes to a place beyond.
func (p *pruning) weed(ctx context.Context, d *delivery, place Place, plan *MirrorReport) (Mirror, error) {
	if place.Name == "" || place.Skip {
		return nil, nil
	}
	w, err := p.weeder.OpenMirror(ctx, place)
	if err != nil {
		return nil, err
	}
	if d != nil {
		if _, err := p.keep(ctx, d, w); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	surplus, reflagged := w.Surplus()
	plan.Surplus += surplus
	plan.Reflagged += reflagged
	return w, w.Close()
}

// keep tells a weeding of all messages that go to its place.
func (p *pruning) keep(ctx context.Context, d *delivery, w Mirror) (missing int64, err error) {
	list, err := p.restore.callRoll(ctx, d)
	if err != nil {
		return 0, err
	}
	err = list.inPieces(func(piece []uint32) error {
		wanted := make([]Wanted, len(piece))
		for i, at := range piece {
			wanted[i] = list.wanted(&rollBody{roll: list, row: &list.rows[at]})
		}
		n, err := w.Require(ctx, wanted)
		missing += int64(n)
		if err == nil {
			err = list.trouble
		}
		return err
	})
	return missing, err
}

// carryOut removes, when all that is to be there has been added, what was too much before and is now.
func (p *pruning) carryOut(ctx context.Context, places []Place) error {
	report := &p.restore.ledger.report
	if report.Failed > 0 || report.Refused > 0 && !p.restore.Mirror.EvenIncomplete {
		p.restore.ledger.note("nothing was removed, because not everything could be added")
		return nil
	}
	fresh, err := p.verify(ctx, places)
	if err != nil {
		return err
	}
	report.Mirror.Done = true
	for i, w := range p.weeds {
		if w == nil {
			continue
		}
		if err := p.pull(ctx, fresh[i], w); err != nil {
			return fmt.Errorf("mailbox %q: %w", p.deliveries[i].Name, err)
		}
	}
	for i, place := range p.beyond {
		if err := p.remove(ctx, place, p.others[i]); err != nil {
			return fmt.Errorf("mailbox %q: %w", place.Mailbox, err)
		}
	}
	return nil
}

// verify looks at all places once more: everything that is to be there must be there.
func (p *pruning) verify(ctx context.Context, places []Place) (fresh []Mirror, err error) {
	var missing int64
	fresh = make([]Mirror, len(places))
	for i, place := range places {
		if place.Skip {
			continue
		}
		w, err := p.weeder.OpenMirror(ctx, place)
		if err != nil {
			return nil, err
		}
		lacks, err := p.keep(ctx, p.deliveries[i], w)
		if err := errors.Join(err, w.Close()); err != nil {
			return nil, err
		}
		fresh[i], missing = w, missing+lacks
	}
	if report := &p.restore.ledger.report; missing > report.Refused || report.Failed > 0 {
		return nil, fmt.Errorf("nothing was removed: %d messages that should be in the target now are not", missing)
	}
	return fresh, nil
}

func (p *pruning) pull(ctx context.Context, now, earlier Mirror) error {
	done, err := now.Apply(ctx, earlier)
	p.restore.ledger.update(func(report *Report) {
		report.Mirror.Removed += done.Removed
		report.Mirror.Left += done.Left
		report.Mirror.FlagsSet += done.Reflagged
	})
	return err
}

// remove empties a mailbox that nobody wants, and removes it, unless something has come into it.
func (p *pruning) remove(ctx context.Context, place Place, earlier Mirror) error {
	now, err := p.weeder.OpenMirror(ctx, place)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil // somebody else was faster
	}
	if err != nil {
		return err
	}
	if err := errors.Join(now.Close(), p.pull(ctx, now, earlier)); err != nil {
		return err
	}
	removed, err := p.weeder.RemoveEmpty(ctx, place)
	switch {
	case errors.Is(err, mail.ErrRefused), err == nil && !removed:
		p.restore.ledger.note(fmt.Sprintf("mailbox %s was not removed: there is something in it, or the target keeps it", place.Mailbox))
		return nil
	case err != nil:
		return err
	}
	p.restore.ledger.update(func(report *Report) { report.Mirror.MailboxesRemoved++ })
	return nil
}
