package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// session is a mailbox of a target. It has a connection only while it is used: more mailboxes are
// open than there are connections.
type session struct {
	t        *Target
	place    restore.Place
	c        *imapclient.Client  // nil between calls
	mailbox  *imapclient.Mailbox // as it was opened last
	validity uint32              // at the first opening
	readOnly bool                // opened by EXAMINE

	undelivered mail.UIDSet // messages that the server cannot deliver
}

// acquire gets a connection, unless there is one. Other folders use it between calls; usually it
// still has the mailbox selected. acquire connects again if the connection ended while it was idle.
func (s *session) acquire(ctx context.Context) error {
	if s.c != nil {
		return nil
	}
	err := s.reconnect(ctx)
	if err != nil {
		s.release()
	}
	return err
}

// release gives the connection back.
func (s *session) release() {
	if s.c != nil {
		s.t.pool.Put(s.c)
		s.c = nil
	}
}

// reconnect connects, and tries again if that fails temporarily.
func (s *session) reconnect(ctx context.Context) error {
	for n := 0; ; n++ {
		err := s.connect(ctx)
		if !errors.Is(err, mail.ErrTemporary) || n+1 == maxAttempts || ctx.Err() != nil {
			return err
		}
		if failed := s.t.wait(ctx, n, err); failed != nil {
			return failed
		}
		if n > 0 && s.c != nil { // as waitAndReconnect does
			s.c.Close()
		}
	}
}

// connect gets a connection and opens the mailbox.
func (s *session) connect(ctx context.Context) error {
	s.release()
	c, err := s.t.pool.GetOn(ctx, s.place.Name)
	if err != nil {
		return err
	}
	s.c = c
	if m := c.Opened(s.place.Name, s.readOnly); m != nil && s.mailbox != nil {
		s.mailbox = m
		return nil
	}
	return s.openMailbox(ctx)
}

// openMailbox opens the mailbox. It returns restore.ErrFolderLost if the mailbox was open before,
// and does not exist any more or has another UIDVALIDITY.
func (s *session) openMailbox(ctx context.Context) error {
	open := s.c.Select
	if s.readOnly {
		open = s.c.Examine
	}
	mailbox, err := open(ctx, s.place.Name)
	if refused(err) && s.mailbox != nil {
		return fmt.Errorf("%w: %w", restore.ErrFolderLost, err)
	}
	if err != nil {
		return err
	}
	validity := mailbox.Status().UIDValidity
	if s.validity == 0 {
		s.validity = validity
	}
	s.mailbox = mailbox
	if s.validity != validity {
		return fmt.Errorf("%w: its UIDVALIDITY was %d and is %d", restore.ErrFolderLost, s.validity, validity)
	}
	return nil
}

// checkLoss returns an error of restore.ErrFolderLost in place of another one if the mailbox was
// lost. A refusal and the end of a connection do not always say so (Dovecot: "BYE FETCH failed:
// Mailbox was deleted under us"), and another client may have made a mailbox of that name.
func (s *session) checkLoss(ctx context.Context, err error) error {
	if err == nil || s.c == nil || ctx.Err() != nil || errors.Is(err, restore.ErrFolderLost) {
		return err
	}
	var lost error
	if s.c.Alive() && refused(err) {
		lost = s.openMailbox(ctx)
	}
	if !s.c.Alive() && errors.Is(errors.Join(err, lost), mail.ErrTemporary) {
		lost = s.connect(ctx)
	}
	if errors.Is(lost, restore.ErrFolderLost) {
		return lost
	}
	return err
}

// retry calls do, which changes nothing on the server, again if the connection is lost.
func (s *session) retry(ctx context.Context, do func() error) error {
	var err error
	for n := range maxAttempts {
		if err = do(); !errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil {
			return err
		}
		if failed := s.waitAndReconnect(ctx, n, err); failed != nil {
			return failed
		}
	}
	return err
}

// waitAndReconnect waits as long as the server asked, or a little, and connects again if the
// connection is lost. From the second time on it connects again anyway: when another client has
// replaced a mailbox, Dovecot's session answers SERVERBUG each time, and a new one does not.
func (s *session) waitAndReconnect(ctx context.Context, n int, cause error) error {
	if err := s.t.wait(ctx, n, cause); err != nil {
		return err
	}
	if s.c != nil && s.c.Alive() {
		if n == 0 {
			return nil
		}
		s.c.Close()
	}
	return s.reconnect(ctx)
}

// wait waits as long as the server asked, or a little.
func (t *Target) wait(ctx context.Context, n int, cause error) error {
	wait := retry.Suggested(cause)
	if wait == 0 {
		wait = time.Second << (2 * n)
	} else if err := t.waits.Spend(wait, cause); err != nil {
		return err
	}
	return t.pause(ctx, wait)
}

// maxAttempts is how often something is tried that fails temporarily.
const maxAttempts = 3
