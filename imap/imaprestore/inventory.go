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

// inventory is what a mailbox held when it was opened, and what of it is a copy of a message to restore.
type inventory struct {
	session
	seen func(mail.Message) // is called with each message there; may be nil

	journal   *journal.Journal
	journaled journal.Known

	have     map[chunk.ID][]mail.UID // messages there that the journal knows, not yet asked for by Missing
	others   []*present              // the rest of what was there at opening
	next     mail.UID                // every message with this UID or a higher one came after what is known
	compared []bool                  // of the messages of the last match: the journal does not have it
}

// open opens the mailbox and notes what it holds. The inventory has a connection then.
func (f *inventory) open(ctx context.Context) error {
	if err := f.attend(ctx); err != nil {
		return err
	}
	if err := f.load(ctx); err != nil {
		f.close()
		return fmt.Errorf("look at mailbox %s on %s: %w", wire.PrintableName(f.place.Name), f.t.opts.Host, err)
	}
	return nil
}

// close gives the connection back and closes the journal.
func (f *inventory) close() error {
	f.rest()
	f.t.held.Add(-int64(len(f.others)))
	f.others = nil
	if f.journal == nil {
		return nil
	}
	return f.journal.Close()
}

// load notes what the mailbox holds: from the journal, and by size and date.
func (f *inventory) load(ctx context.Context) error {
	var err error
	f.journal, f.journaled, err = journal.Open(f.t.opts.Journal, f.t.opts.Address()+" "+f.t.opts.User, f.place.Name, f.validity)
	if err != nil {
		return err
	}
	f.have = map[chunk.ID][]mail.UID{}
	f.next = 1
	if f.mailbox.Status().Messages == 0 {
		f.next = max(1, mail.UID(f.mailbox.Status().UIDNext))
		return nil
	}
	for m, err := range f.mailbox.Overview(ctx, mail.UIDRange{First: 1, Last: math.MaxUint32}) {
		if err != nil {
			return err
		}
		f.next = max(f.next, m.UID+1)
		if f.seen != nil {
			f.seen(m)
		}
		if id, ok := f.journaled.Hashes[m.UID]; ok {
			f.have[id] = append(f.have[id], m.UID)
			continue
		}
		f.others = append(f.others, &present{uid: m.UID, size: m.Size, instant: m.Internal.Seconds})
		if f.t.held.Add(1) > heldMost {
			return fmt.Errorf("the mailboxes that are restored into hold more than %d messages that this host has not put there, "+
				"and no more are compared; restore into other mailboxes (--prefix)", heldMost)
		}
	}
	f.next = max(f.next, mail.UID(f.mailbox.Status().UIDNext))
	f.journaled.Hashes = nil // have has those that are there
	return nil
}

// heldMost is how many messages that are there are held for comparing, in all folders of a target that are open: about
// 50 bytes each until they are read.
const heldMost = 1_500_000

// present is a message that a folder holds already, and what is known of it so far.
type present struct {
	uid     mail.UID
	size    int64
	instant int64
	used    bool // it is the copy of some message wanted

	hasHeader bool // was asked for
	hasBody   bool
	traits    *traits // nil: nothing was read of it
}

// traits are what was read of a message. Most messages of a large mailbox are never read.
type traits struct {
	header fingerprint.Digest // zero: it says nothing
	key    canonical.Key      // likewise
	fingerprint.Fingerprint
}

// known is what was read of the message, as far as that is.
func (p *present) known() traits {
	if p.traits == nil {
		return traits{}
	}
	return *p.traits
}

// learn makes room for what is read of the message.
func (p *present) learn() *traits {
	if p.traits == nil {
		p.traits = &traits{}
	}
	return p.traits
}

// arrived lists the messages that came after all that is known.
func (f *inventory) arrived(ctx context.Context) (fresh []*present, err error) {
	for m, err := range f.mailbox.Overview(ctx, mail.UIDRange{First: f.next, Last: math.MaxUint32}) {
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, &present{uid: m.UID, size: m.Size, instant: m.Internal.Seconds})
	}
	return fresh, nil
}
