package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
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
	err := s.retry(ctx, func() error { return s.connect(ctx) })
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

// connect gets a connection and opens the mailbox. It returns an error if the mailbox was replaced
// meanwhile.
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
	open := c.Select
	if s.readOnly {
		open = c.Examine
	}
	if s.mailbox, err = open(ctx, s.place.Name); err != nil {
		return err
	}
	if s.validity == 0 {
		s.validity = s.mailbox.Status().UIDValidity
	}
	if s.validity != s.mailbox.Status().UIDValidity {
		return fmt.Errorf("mailbox %s was replaced while it was restored", wire.PrintableName(s.place.Name))
	}
	return nil
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
// connection is lost.
func (s *session) waitAndReconnect(ctx context.Context, n int, cause error) error {
	wait := retry.Suggested(cause)
	if wait == 0 {
		wait = time.Second << (2 * n)
	} else if err := s.t.waits.Spend(wait, cause); err != nil {
		return err
	}
	if err := s.t.pause(ctx, wait); err != nil {
		return err
	}
	if s.c != nil && s.c.Alive() {
		return nil
	}
	return s.connect(ctx)
}

// maxAttempts is how often something is tried that fails temporarily.
const maxAttempts = 3
