package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap"

	"github.com/mailstrata/mailstrata/imap/internal/journal"

	"github.com/mailstrata/mailstrata/imap/internal/spool"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"

	"github.com/mailstrata/mailstrata/imap/internal/wire"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// folder is a mailbox of a target, open for adding.
type folder struct {
	t        *Target
	place    restore.Place
	c        *imap.Client
	mailbox  *imap.Mailbox // as it was opened last
	validity uint32        // at opening
	journal  *journal.Journal
	reading  bool               // it is only looked at
	seen     func(mail.Message) // is told of each message there at opening; may be nil

	journaled journal.Known // what the journal says of this mailbox
	matched   []mail.UID    // of the last call of Missing or Resemble: the existing copy of each message
	compared  []bool        // which of these the journal does not have
	reported  mail.UIDSet

	have   map[chunk.ID][]mail.UID // messages there that the journal knows, not yet asked for by Missing
	others []*present              // the rest of what was there at opening
	next   mail.UID                // every message with this UID or a higher one came after what is known

	nameless []*item // added, and nobody told their UIDs yet

	refusedKeywords map[string]bool
}

// How much one call of Append takes: it is held until the server has it.
const (
	appendMessages = 500
	appendBytes    = 4 << 20
)

func (f *folder) BatchSize() (messages int, bytes int64) { return appendMessages, appendBytes }

func (f *folder) Close() error {
	f.rest()
	f.t.held.Add(-int64(len(f.others)))
	f.others = nil
	if f.journal == nil {
		return nil
	}
	f.endReported()
	return f.journal.Close()
}

// attend has a connection at hand. More folders are open than there are connections, so between calls others have it; it
// is mostly one that has the mailbox selected. One that ended while it was idle is noticed here.
func (f *folder) attend(ctx context.Context) error {
	if f.c != nil {
		return nil
	}
	err := f.patiently(ctx, func() error { return f.connect(ctx) })
	if err != nil {
		f.rest()
	}
	return err
}

// rest gives the connection back.
func (f *folder) rest() {
	if f.c != nil {
		f.t.pool.Put(f.c)
		f.c = nil
	}
}

// connect gets a connection and selects the mailbox. A mailbox that was made anew meanwhile is not the one we know.
func (f *folder) connect(ctx context.Context) error {
	f.rest()
	c, err := f.t.pool.GetOn(ctx, f.place.Name)
	if err != nil {
		return err
	}
	f.c = c
	if m := c.Opened(f.place.Name, f.reading); m != nil && f.mailbox != nil {
		f.mailbox = m
		return nil
	}
	open := c.Select
	if f.reading {
		open = c.Examine
	}
	if f.mailbox, err = open(ctx, f.place.Name); err != nil {
		return err
	}
	if f.validity == 0 {
		f.validity = f.mailbox.Status().UIDValidity
	}
	if f.validity != f.mailbox.Status().UIDValidity {
		return fmt.Errorf("mailbox %s was made anew while it was restored", wire.PrintableName(f.place.Name))
	}
	return nil
}

// load notes what the mailbox holds: from the journal, and by size and date.
func (f *folder) load(ctx context.Context) error {
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

// item is a message on its way into the folder.
type item struct {
	restore.Wanted
	fate  *restore.AppendResult
	spool spool.Buffer
	odd   fingerprint.Traits
	flags []string // to send along
	later []string // flags to try one by one when the message is there
	date  string
	uid   mail.UID
}

// recorded are items as the journal records them.
func recorded(items []*item) []journal.Message {
	list := make([]journal.Message, len(items))
	for i, it := range items {
		list[i] = journal.Message{UID: it.uid, Hash: it.Hash, Fate: it.fate}
	}
	return list
}

func (it *item) changed(format string, args ...any) {
	it.fate.Changed = append(it.fate.Changed, fmt.Sprintf(format, args...))
}

// Append adds messages. Each is put aside and found right before its first byte is sent, for a literal cannot be taken
// back; and looked at afterwards, for servers alter what they take.
func (f *folder) Append(ctx context.Context, messages []restore.Wanted) ([]restore.AppendResult, error) {
	if err := f.attend(ctx); err != nil {
		return nil, err
	}
	defer f.rest()
	fates := make([]restore.AppendResult, len(messages))
	var items []*item
	defer func() {
		for _, it := range items {
			it.spool.Drop()
		}
	}()
	for i := range messages {
		it := &item{Wanted: messages[i], fate: &fates[i]}
		items = append(items, it)
		if err := f.ready(ctx, it); err != nil {
			if ctx.Err() != nil {
				return fates[:0], err
			}
			it.fate.Refused = err
		}
	}
	willing := slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.fate.Refused != nil })
	err := f.add(ctx, willing)
	added := slices.DeleteFunc(willing, func(it *item) bool { return !it.fate.Added })
	if err == nil {
		err = f.look(ctx, added)
	}
	if err == nil && len(willing) > 0 {
		err = f.journal.Sent()
	}
	return fates, err
}

// ready brings a message into the form in which it will be sent.
func (f *folder) ready(ctx context.Context, it *item) error {
	if it.Size > f.c.AppendLimit() {
		return fmt.Errorf("it has %d bytes, and %s takes no more than %d", it.Size, f.t.opts.Host, f.c.AppendLimit())
	}
	if err := it.putAside(ctx); err != nil {
		return err
	}
	for _, flag := range it.Flags {
		switch {
		case f.refusedKeywords[flag], !wire.IsSendable(strings.TrimPrefix(flag, `\`)):
			it.leaveOut(flag, "")
		case !f.mailbox.CanSet(flag) && !isSystemFlag(flag):
			it.leaveOut(flag, ": the mailbox does not keep it")
		case wire.IsAtom(strings.TrimPrefix(flag, `\`)):
			it.flags = append(it.flags, flag)
		default:
			it.later = append(it.later, flag) // not legal, but it came from a server
		}
	}
	if !it.Internal.IsReadable() {
		it.changed("date %q left out: it cannot be read", wire.Printable(it.Internal.Raw))
		return nil
	}
	it.date = dateWords(it.Internal.Time())
	return nil
}

// dateWords formats a date for APPEND.
func dateWords(date time.Time) string { return date.Format("_2-Jan-2006 15:04:05 -0700") }

// putAside reads the message once, and notes what is odd about it.
func (it *item) putAside(ctx context.Context) error {
	if body, ok := it.Body.(restore.InMemory); ok && body.Bytes() != nil {
		it.spool.Hold(body.Bytes())
		_, err := it.odd.Write(body.Bytes())
		return err
	}
	it.spool.Expect(it.Size)
	return it.Body.WriteTo(ctx, io.MultiWriter(&it.spool, &it.odd))
}

// errDropped: the connection was lost whenever these messages were sent, though it can be made again.
var errDropped = errors.New("the server hangs up on it")

// tries is how often something is tried that fails for reasons that may pass.
const tries = 3

// try sends items until the server gives a clear answer. It returns those that are not there, and why.
func (f *folder) try(ctx context.Context, items []*item) (left []*item, err error) {
	left = items
	for n := range tries {
		left, err = f.send(ctx, left)
		if len(left) == 0 || !errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil {
			return left, err
		}
		if !f.c.Alive() {
			err = fmt.Errorf("%w: %w", errDropped, err)
		}
		var failed error
		if failed = f.recover(ctx, n, err); failed == nil {
			left, failed = f.settle(ctx, left)
		}
		if failed != nil || len(left) == 0 {
			return left, failed
		}
	}
	return left, err
}

// recover waits as the server asked, or a little, and connects anew if need be.
func (f *folder) recover(ctx context.Context, n int, cause error) error {
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

// send sends items in one go and notes those that are there now.
func (f *folder) send(ctx context.Context, items []*item) (left []*item, err error) {
	messages := make([]imap.Appended, len(items))
	for i, it := range items {
		messages[i] = imap.Appended{Flags: it.flags, Date: it.date, Size: it.spool.Size, Binary: it.odd.NUL, Write: it.spool.CopyTo}
	}
	if err := f.journal.Sending(f.next); err != nil {
		return items, err
	}
	var added []*item
	for i, result := range f.c.Append(ctx, f.place.Name, messages) {
		if result.Err != nil {
			left = append(left, items[i])
			err = result.Err
			continue
		}
		items[i].fate.Added = true
		if result.UIDValidity == f.validity {
			items[i].uid = result.UID
			f.next = max(f.next, result.UID+1)
			added = append(added, items[i])
		} else {
			f.nameless = append(f.nameless, items[i])
		}
	}
	if failed := f.journal.Add(recorded(added)); failed != nil && err == nil {
		err = failed
	}
	return left, err
}
