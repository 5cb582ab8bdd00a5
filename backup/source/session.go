package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
)

// ErrReset reports that a mailbox got a new UIDVALIDITY, or was replaced, while it was being read.
// What was read under the old one is of no use.
var ErrReset = errors.New("the mailbox was replaced while it was read")

// Session reads one mailbox through a View, which it opens when it is first needed and opens again
// after it broke. So the code that reads does not deal with connections.
type Session struct {
	Mailbox  mail.Mailbox
	Validity uint32 // the UIDVALIDITY to read under; 0: that of the first View

	source Source
	waits  *retry.Budget
	view   View
}

const (
	// FirstAttempts is how often the server is contacted at first. If there is no server, this
	// takes less than a second.
	FirstAttempts = 3

	// OpenAttempts is how often opening a mailbox is tried, within some seconds, before the run
	// asks whether the server is gone.
	OpenAttempts = 6

	// MaxAttempts is how often in a row an operation may fail before the run gives up the server:
	// with the waits in between, about ten minutes.
	MaxAttempts = 10
)

// NewSession returns a session of a mailbox. It opens nothing.
func NewSession(source Source, waits *retry.Budget, mailbox mail.Mailbox) *Session {
	return &Session{Mailbox: mailbox, source: source, waits: waits}
}

// Another returns a session of the same mailbox for another connection.
func (s *Session) Another() *Session {
	return &Session{Mailbox: s.Mailbox, Validity: s.Validity, source: s.source, waits: s.waits}
}

// Open returns the view. It waits and tries again while the error is transient.
func (s *Session) Open(ctx context.Context) (View, error) { return s.OpenFor(ctx, nil) }

// OpenFor is Open for a caller that knows what it will call Messages with first.
func (s *Session) OpenFor(ctx context.Context, first First) (View, error) {
	if s.view != nil {
		return s.view, nil
	}
	var view View
	try := func() (err error) {
		view, err = s.source.Examine(ctx, s.Mailbox, first)
		return err
	}
	err := Retry(ctx, s.waits, OpenAttempts, try)
	if errors.Is(err, mail.ErrTemporary) && s.serverIsGone(ctx) {
		err = Retry(ctx, s.waits, MaxAttempts-OpenAttempts, try)
	}
	switch {
	case err == nil:
		return s.adopt(view)
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, fmt.Errorf("open mailbox %q: %w", s.Mailbox.Name, err)
}

// serverIsGone reports whether the server does not list mailboxes either, so that the mailbox is
// not at fault.
func (s *Session) serverIsGone(ctx context.Context) bool {
	_, err := s.source.Survey(ctx)
	return err != nil
}

// adopt takes a view, if the mailbox still has the session's UIDVALIDITY.
func (s *Session) adopt(view View) (View, error) {
	validity := view.Status().UIDValidity
	if s.Validity == 0 {
		s.Validity = validity
	}
	if validity != s.Validity {
		view.Close()
		return nil, fmt.Errorf("mailbox %q: %w: UIDVALIDITY was %d and is %d",
			s.Mailbox.Name, ErrReset, s.Validity, validity)
	}
	s.view = view
	return view, nil
}

// Release closes the view, if there is one. The next Open opens a fresh one.
func (s *Session) Release() {
	if s.view != nil {
		s.view.Close()
		s.view = nil
	}
}

// Ask calls question with the view. While the error is transient, it calls question again with a
// fresh view: question must start over.
func (s *Session) Ask(ctx context.Context, question func(View) error) error {
	var unopened error
	err := Retry(ctx, s.waits, MaxAttempts, func() error {
		view, err := s.Open(ctx)
		if err != nil {
			unopened = err // Open has tried often enough
			return nil
		}
		if err = question(view); IsTransient(err) {
			s.Release()
		}
		return err
	})
	return cmp.Or(unopened, err)
}

// Pause waits after so many failed attempts in a row, the last of which returned err.
func (s *Session) Pause(ctx context.Context, attempts int, err error) error {
	return wait(ctx, s.waits, attempts, err)
}

// Retry calls try until it succeeds, at most so many times, while the error is transient.
func Retry(ctx context.Context, waits *retry.Budget, most int, try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !IsTransient(err) || attempt >= attemptLimit(err, most) {
			return err
		}
		if err := wait(ctx, waits, attempt, err); err != nil {
			return err
		}
	}
}

// IsTransient reports whether trying again may help.
func IsTransient(err error) bool {
	return errors.Is(err, mail.ErrTemporary) || errors.Is(err, mail.ErrFlood)
}

// attemptLimit returns how often to try. After a flood once more, because only one response may
// have been broken.
func attemptLimit(err error, most int) int {
	if errors.Is(err, mail.ErrFlood) {
		return min(most, 2)
	}
	return most
}

// backoff applies if the server suggests no time.
var backoff = retry.Backoff{First: 250 * time.Millisecond, Longest: 2 * time.Minute}

// wait waits before the next attempt: as long as the server suggested, not at all after a flood,
// and otherwise as long as the backoff says.
func wait(ctx context.Context, waits *retry.Budget, attempts int, err error) error {
	if asked := retry.Suggested(err); asked > 0 {
		if refused := waits.Spend(asked, err); refused != nil {
			return refused
		}
		return retry.Sleep(ctx, asked)
	}
	if errors.Is(err, mail.ErrFlood) {
		return retry.Sleep(ctx, 0)
	}
	return retry.Sleep(ctx, backoff.Wait(attempts))
}
