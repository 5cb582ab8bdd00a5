package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// session is a mailbox of a target. It has a connection only while it is used: more mailboxes are open than there are
// connections.
type session struct {
	t        *Target
	place    restore.Place
	c        *imap.Client  // nil between calls
	mailbox  *imap.Mailbox // as it was opened last
	validity uint32        // at the first opening
	readOnly bool          // opened by EXAMINE
}

// acquire gets a connection, unless there is one. Other folders use it between calls; usually it still has the mailbox
// selected. acquire connects again if the connection ended while it was idle.
func (f *session) acquire(ctx context.Context) error {
	if f.c != nil {
		return nil
	}
	err := f.retry(ctx, func() error { return f.connect(ctx) })
	if err != nil {
		f.release()
	}
	return err
}

// release gives the connection back.
func (f *session) release() {
	if f.c != nil {
		f.t.pool.Put(f.c)
		f.c = nil
	}
}

// connect gets a connection and opens the mailbox. It returns an error if the mailbox was replaced meanwhile.
func (f *session) connect(ctx context.Context) error {
	f.release()
	c, err := f.t.pool.GetOn(ctx, f.place.Name)
	if err != nil {
		return err
	}
	f.c = c
	if m := c.Opened(f.place.Name, f.readOnly); m != nil && f.mailbox != nil {
		f.mailbox = m
		return nil
	}
	open := c.Select
	if f.readOnly {
		open = c.Examine
	}
	if f.mailbox, err = open(ctx, f.place.Name); err != nil {
		return err
	}
	if f.validity == 0 {
		f.validity = f.mailbox.Status().UIDValidity
	}
	if f.validity != f.mailbox.Status().UIDValidity {
		return fmt.Errorf("mailbox %s was replaced while it was restored", wire.PrintableName(f.place.Name))
	}
	return nil
}

// retry calls do, which changes nothing on the server, again if the connection is lost.
func (f *session) retry(ctx context.Context, do func() error) error {
	var err error
	for n := range maxAttempts {
		if err = do(); !errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil {
			return err
		}
		if failed := f.waitAndReconnect(ctx, n, err); failed != nil {
			return failed
		}
	}
	return err
}

// waitAndReconnect waits as long as the server asked, or a little, and connects again if the connection is lost.
func (f *session) waitAndReconnect(ctx context.Context, n int, cause error) error {
	wait := retry.Suggested(cause)
	if wait == 0 {
		wait = time.Second << (2 * n)
	} else if err := f.t.waits.Spend(wait, cause); err != nil {
		return err
	}
	if err := f.t.pause(ctx, wait); err != nil {
		return err
	}
	if f.c != nil && f.c.Alive() {
		return nil
	}
	return f.connect(ctx)
}

// maxAttempts is how often something is tried that fails temporarily.
const maxAttempts = 3
