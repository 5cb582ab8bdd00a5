package imaprestore

import (
	"context"
	"fmt"
	"math"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/imap/internal/journal"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/canonical"
	"github.com/mailstrata/mailstrata/mail"
)

// inventory is what a mailbox held when it was opened, and which messages to restore it has copies
// of.
type inventory struct {
	session
	seen func(mail.Message) // is called with each message there; may be nil

	journal   *journal.Journal
	journaled journal.Known

	recorded    map[chunk.ID][]mail.UID // existing messages that the journal knows, until Missing has matched them
	unjournaled []*existing             // the other messages at opening
	next        mail.UID                // messages with this UID or a higher one came later
	compared    []bool                  // of the messages of the last match: the journal does not have it
}

// open opens the mailbox and loads what it holds. It leaves the session with a connection.
func (inv *inventory) open(ctx context.Context) error {
	if err := inv.acquire(ctx); err != nil {
		return err
	}
	if err := inv.load(ctx); err != nil {
		inv.close()
		return fmt.Errorf("look at mailbox %s on %s: %w", wire.PrintableName(inv.place.Name), inv.t.opts.Host, err)
	}
	return nil
}

// close gives the connection back and closes the journal.
func (inv *inventory) close() error {
	inv.release()
	inv.t.existing.Add(-int64(len(inv.unjournaled)))
	inv.unjournaled = nil
	if inv.journal == nil {
		return nil
	}
	return inv.journal.Close()
}

// load notes what the mailbox holds: from the journal, and by size and date.
func (inv *inventory) load(ctx context.Context) error {
	var err error
	account := inv.t.opts.Address() + " " + inv.t.opts.User
	inv.journal, inv.journaled, err = journal.Open(inv.t.opts.Journal, account, inv.place.Name, inv.validity)
	if err != nil {
		return err
	}
	inv.recorded = map[chunk.ID][]mail.UID{}
	inv.next = 1
	if inv.mailbox.Status().Messages == 0 && len(inv.journaled.Hashes) == 0 { // else the number may be wrong
		inv.next = max(1, mail.UID(inv.mailbox.Status().UIDNext))
		return nil
	}
	if err := inv.listEach(ctx, mail.UIDRange{First: 1, Last: math.MaxUint32}, inv.note); err != nil {
		return err
	}
	inv.next = max(inv.next, mail.UID(inv.mailbox.Status().UIDNext))
	inv.journaled.Hashes = nil // recorded has those that are there
	return nil
}

// note notes a message that is there.
func (inv *inventory) note(m mail.Message) error {
	inv.next = max(inv.next, m.UID+1)
	if inv.seen != nil {
		inv.seen(m)
	}
	if id, ok := inv.journaled.Hashes[m.UID]; ok {
		inv.recorded[id] = append(inv.recorded[id], m.UID)
		return nil
	}
	inv.unjournaled = append(inv.unjournaled, &existing{uid: m.UID, size: m.Size, date: m.Internal.Resolved().Seconds})
	if inv.t.existing.Add(1) > maxExisting {
		return fmt.Errorf("the mailboxes that are restored into hold more than %d messages that this host has not added, "+
			"and no more are compared; restore into other mailboxes (--prefix)", maxExisting)
	}
	return nil
}

// maxExisting is how many existing messages are held for comparing, in all open folders of a
// target: about 50 bytes each until they are read.
const maxExisting = 1_500_000

// existing is a message that the mailbox held at opening, or that came later, and what is known of
// it.
type existing struct {
	uid  mail.UID
	size int64
	date int64
	used bool // it is the copy of a wanted message

	hasHeader bool // it was asked for
	hasBody   bool
	prints    *prints // nil: nothing of it was read
}

// prints are the digests of what was read of a message. Most messages of a large mailbox are never
// read.
type prints struct {
	header fingerprint.Digest // zero: unknown
	key    canonical.Key      // zero: unknown
	fingerprint.Fingerprint
}

// known returns the digests, which are zero if nothing was read.
func (p *existing) known() prints {
	if p.prints == nil {
		return prints{}
	}
	return *p.prints
}

// record returns the digests to fill in.
func (p *existing) record() *prints {
	if p.prints == nil {
		p.prints = &prints{}
	}
	return p.prints
}

// newMessages lists the messages that came after all that are known.
func (inv *inventory) newMessages(ctx context.Context) (fresh []*existing, err error) {
	for m, err := range inv.mailbox.Overview(ctx, mail.UIDRange{First: inv.next, Last: math.MaxUint32}) {
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, &existing{uid: m.UID, size: m.Size, date: m.Internal.Resolved().Seconds})
	}
	return fresh, nil
}
