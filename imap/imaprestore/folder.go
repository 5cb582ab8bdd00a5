package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/imap/internal/journal"
	"github.com/mailstrata/mailstrata/imap/internal/spool"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// folder is a mailbox of a target, open for adding.
type folder struct {
	inventory

	matched  []mail.UID // by the last call of Missing or MissingSimilar: the existing copy of each message
	reported mail.UIDSet

	withoutUID []*item // added, and the server did not return their UIDs
	unsettled  []*item // added, and not compared yet
	alters     bool    // the server changes the size of messages

	sentBy *imapclient.Client // the connection of the last APPEND

	refusedKeywords map[string]bool
}

// Limits of one call of Append, whose messages are held until the server has them.
const (
	appendMessages = 500
	appendBytes    = 4 << 20
)

func (f *folder) BatchSize() (messages int, bytes int64) { return appendMessages, appendBytes }

// folder returns the mailbox at a place. It is not opened yet.
func (t *Target) folder(place restore.Place, readOnly bool) *folder {
	return &folder{inventory: inventory{session: session{t: t, place: place, readOnly: readOnly}},
		refusedKeywords: map[string]bool{}}
}

func (f *folder) Close() error {
	if f.journal != nil {
		f.collectReport()
	}
	return f.close()
}

// item is a message that Append adds.
type item struct {
	restore.Message
	result    *restore.AppendResult
	text      spool.Buffer
	traits    fingerprint.Traits
	flags     []string // to send with the message
	remaining []string // flags to set one by one when the message is there
	date      string
	uid       mail.UID

	postponed bool  // text is dropped
	sent      *sent // of a message that is postponed and has traits
}

// journalMessages returns items in the form that the journal records.
func journalMessages(items []*item) []journal.Message {
	list := make([]journal.Message, len(items))
	for i, it := range items {
		list[i] = journal.Message{UID: it.uid, Hash: it.Hash, Result: it.result}
	}
	return list
}

func (it *item) changed(format string, args ...any) {
	it.result.Changed = append(it.result.Changed, fmt.Sprintf(format, args...))
}

// Append adds messages. It reads each whole before it sends the first byte, because a literal that
// was announced cannot be taken back. It checks them afterwards, because servers alter what they
// take.
func (f *folder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	defer f.release()
	results := make([]restore.AppendResult, len(messages))
	var items []*item
	defer func() {
		for _, it := range items {
			it.text.Drop()
		}
	}()
	for i := range messages {
		it := &item{Message: messages[i], result: &results[i]}
		items = append(items, it)
		if err := f.ready(ctx, it); err != nil {
			if ctx.Err() != nil {
				return results[:0], err
			}
			it.result.Refused = err
		}
	}
	willing := slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.result.Refused != nil })
	err := f.add(ctx, willing)
	added := slices.DeleteFunc(slices.Clone(willing), func(it *item) bool { return !it.result.Added })
	postponed := false
	if err == nil {
		postponed, err = f.postpone(added)
	}
	if err == nil && !postponed {
		err = f.check(ctx, added)
	}
	if err == nil && len(willing) > 0 {
		err = f.journal.Sent()
	}
	return results, f.checkLoss(ctx, err)
}

// ready buffers a message and decides which flags and which date to send.
func (f *folder) ready(ctx context.Context, it *item) error {
	if it.Size > f.c.AppendLimit() {
		return fmt.Errorf("it has %d bytes, and %s takes no more than %d", it.Size, f.t.opts.Host, f.c.AppendLimit())
	}
	if err := it.buffer(ctx); err != nil {
		return err
	}
	for _, flag := range it.Flags {
		switch {
		case f.refusedKeywords[flag], !wire.IsSendable(strings.TrimPrefix(flag, `\`)):
			it.omit(flag, "")
		case !f.mailbox.CanSet(flag) && !isSystemFlag(flag):
			it.omit(flag, ": the mailbox does not keep it")
		case wire.IsAtom(strings.TrimPrefix(flag, `\`)):
			it.flags = append(it.flags, flag)
		default:
			it.remaining = append(it.remaining, flag) // not legal, but a server sent it
		}
	}
	if !it.Internal.IsReadable() {
		it.changed("date %q left out: it cannot be read", printable.Text(it.Internal.Raw))
		return nil
	}
	it.date = dateWords(it.Internal.Time())
	return nil
}

// dateWords formats a date for APPEND.
func dateWords(date time.Time) string { return date.Format("_2-Jan-2006 15:04:05 -0700") }

// buffer reads the message once, and notes its traits.
func (it *item) buffer(ctx context.Context) error {
	if body, ok := it.Body.(restore.InMemory); ok && body.Bytes() != nil {
		it.text.Hold(body.Bytes())
		_, err := it.traits.Write(body.Bytes())
		return err
	}
	it.text.Expect(it.Size)
	return it.Body.WriteTo(ctx, io.MultiWriter(&it.text, &it.traits))
}

// add appends items, all at once or in ever smaller parts, until each is added or refused alone. It
// returns errors that concern more than single messages.
func (f *folder) add(ctx context.Context, items []*item) error {
	if len(items) == 0 {
		return nil
	}
	left, err := f.sendWithRetry(ctx, items)
	switch {
	case len(left) == 0, errors.As(err, new(unknown)):
		return err
	case !refused(err) && !errors.Is(err, errDropped), errors.Is(err, imap.ErrOverQuota),
		errors.Is(err, mail.ErrNoMailbox), errors.Is(err, restore.ErrFolderLost), ctx.Err() != nil:
		return err
	case len(left) > 1:
		if left, err = f.findKept(ctx, left); err != nil {
			return err
		}
		half := len(left) / 2
		if err := f.add(ctx, left[:half]); err != nil {
			return err
		}
		return f.add(ctx, left[half:])
	}
	return f.addReduced(ctx, left[0], err)
}

// findKept finds the messages of a refused batch that the server kept, and returns the others. All
// or none of a batch are added (RFC 3502 section 4), but a server that refuses one message may have
// kept those before it.
func (f *folder) findKept(ctx context.Context, items []*item) (left []*item, err error) {
	if !f.c.Has("MULTIAPPEND") {
		return items, nil
	}
	if left, err = f.findAdded(ctx, items); err != nil {
		return items, unknown{err}
	}
	return left, nil
}

// errDropped means that the server closes the connection whenever these messages are sent.
var errDropped = errors.New("the server closes the connection when it is sent")

// unknown is why it cannot be found out which messages the server added. They must not be sent
// again, also if it is a refusal, which does not concern a message.
type unknown struct{ error }

func (u unknown) Unwrap() error { return u.error }

// sendWithRetry sends items until the server accepts or refuses them. It returns those that were
// not added, and why.
func (f *folder) sendWithRetry(ctx context.Context, items []*item) (left []*item, err error) {
	left = items
	for n := range maxAttempts {
		left, err = f.send(ctx, left)
		if len(left) == 0 || !errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil {
			return left, err
		}
		if !f.c.Alive() {
			err = fmt.Errorf("%w: %w", errDropped, err)
		}
		var failed error
		if failed = f.waitAndReconnect(ctx, n, err); failed == nil {
			left, failed = f.findAdded(ctx, left)
		}
		if failed != nil {
			return left, unknown{failed}
		}
		if len(left) == 0 {
			return nil, nil
		}
	}
	return left, err
}

// send sends items at once and records those that were added.
func (f *folder) send(ctx context.Context, items []*item) (left []*item, err error) {
	messages := make([]imapclient.AppendMessage, len(items))
	for i, it := range items {
		messages[i] = imapclient.AppendMessage{Flags: it.flags, Date: it.date, Size: it.text.Size, Binary: it.traits.NUL,
			Write: it.text.CopyTo}
	}
	if err := f.journal.Sending(f.next); err != nil {
		return items, err
	}
	f.sentBy = f.c
	var added []*item
	elsewhere := false
	for i, result := range f.c.Append(ctx, f.place.Name, messages) {
		if result.Err != nil {
			left = append(left, items[i])
			err = result.Err
			continue
		}
		items[i].result.Added = true
		f.t.dropped.Store(0)
		if result.UIDValidity == f.validity {
			items[i].uid = result.UID
			f.next = max(f.next, result.UID+1)
			added = append(added, items[i])
		} else {
			f.withoutUID = append(f.withoutUID, items[i])
			elsewhere = elsewhere || result.UIDValidity > 0
		}
	}
	if elsewhere { // in a mailbox that was made under this name, or the server's number is wrong
		if err := f.openMailbox(ctx); err != nil {
			return left, err
		}
	}
	if failed := f.journal.Add(journalMessages(added)); failed != nil && err == nil {
		err = failed
	}
	return left, err
}
