package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
)

// errReset: the mailbox got a new UIDVALIDITY, or was replaced, while it was being read. What was read of it under the
// old one is of no use.
var errReset = errors.New("the mailbox was replaced while it was read")

// seat is a place from which one mailbox is read: a View that is opened when it is first needed, and opened again after
// it broke. So the code that reads need not know of connections.
type seat struct {
	source   Source
	waits    *retry.Budget
	server   string // what UIDs belong to, besides the mailbox
	mailbox  mail.Mailbox
	validity uint32 // the UIDVALIDITY that all reading belongs to; 0: that of the first View
	view     View
}

// reopenings bounds how often in a row a view is opened in vain before a server is given up: with the waits between
// them, about ten minutes.
const reopenings = 10

// openings is how often a mailbox is opened in vain, within some seconds, before the run asks whether the server is gone.
const openings = 6

// firstTries bounds how often a server is spoken to at first: one that is not there at all is told of within a second.
const firstTries = 3

// seat is a place from which a mailbox of the account can be read.
func (w *walk) seat(mailbox mail.Mailbox) *seat {
	return &seat{source: w.account.Source, waits: w.account.waits, server: serverOf(w.account.URL), mailbox: mailbox}
}

// open gives the seat's view. It waits and tries again while the trouble is temporary.
func (s *seat) open(ctx context.Context) (View, error) {
	if s.view != nil {
		return s.view, nil
	}
	var view View
	try := func() (err error) {
		view, err = s.source.Examine(ctx, s.mailbox)
		return err
	}
	err := patiently(ctx, s.waits, openings, try)
	if errors.Is(err, mail.ErrTemporary) && s.serverIsGone(ctx) {
		err = patiently(ctx, s.waits, reopenings-openings, try)
	}
	switch {
	case err == nil:
		return s.take(view)
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, fmt.Errorf("open mailbox %q: %w", s.mailbox.Name, err)
}

// serverIsGone reports whether the server does not list mailboxes either, so that the fault is not the mailbox's.
func (s *seat) serverIsGone(ctx context.Context) bool {
	_, err := s.source.Survey(ctx)
	return err != nil
}

// take makes a freshly opened view the seat's, if it is of the mailbox that the seat is for.
func (s *seat) take(view View) (View, error) {
	validity := view.Status().UIDValidity
	if s.validity == 0 {
		s.validity = validity
	}
	if validity != s.validity {
		view.Close()
		return nil, fmt.Errorf("mailbox %q: %w: UIDVALIDITY was %d and is %d", s.mailbox.Name, errReset, s.validity, validity)
	}
	s.view = view
	return view, nil
}

// leave closes the view, if there is one; the next open begins with a fresh one.
func (s *seat) leave() {
	if s.view != nil {
		s.view.Close()
		s.view = nil
	}
}

// ask calls a question that has no effect until it is answered whole, and asks again on a fresh view while the trouble
// is temporary.
func (s *seat) ask(ctx context.Context, question func(View) error) error {
	for attempt := 1; ; attempt++ {
		view, err := s.open(ctx) // has patience of its own
		if err != nil {
			return err
		}
		err = question(view)
		if err == nil || !mayPass(err) || attempt >= mostTries(err, reopenings) {
			return err
		}
		s.leave()
		if err := pause(ctx, s.waits, attempt, err); err != nil {
			return err
		}
	}
}

// patiently tries until it succeeds, so often at most, while the trouble is temporary.
func patiently(ctx context.Context, waits *retry.Budget, most int, try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !mayPass(err) || attempt >= mostTries(err, most) {
			return err
		}
		if err := pause(ctx, waits, attempt, err); err != nil {
			return err
		}
	}
}

// mayPass reports whether it may help to ask again.
func mayPass(err error) bool {
	return errors.Is(err, mail.ErrTemporary) || errors.Is(err, mail.ErrFlood)
}

// mostTries is how often to ask. A server that sends too much is asked once more, because only one response may be broken.
func mostTries(err error, most int) int {
	if errors.Is(err, mail.ErrFlood) {
		return min(most, 2)
	}
	return most
}

// backoff is for a server that suggests no time.
var backoff = retry.Backoff{First: 250 * time.Millisecond, Longest: 2 * time.Minute}

// pause waits before the next attempt: as long as the server asked, no time after a flood, else as long as the backoff says.
func pause(ctx context.Context, waits *retry.Budget, attempt int, err error) error {
	if asked := retry.Suggested(err); asked > 0 {
		if refused := waits.Spend(asked, err); refused != nil {
			return refused
		}
		return retry.Sleep(ctx, asked)
	}
	if errors.Is(err, mail.ErrFlood) {
		return retry.Sleep(ctx, 0)
	}
	return retry.Sleep(ctx, backoff.Wait(attempt))
}
