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
	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/imap/internal/journal"
	"github.com/mailstrata/mailstrata/imap/internal/spool"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// folder is a mailbox of a target, open for adding.
type folder struct {
	inventory

	matched  []mail.UID // of the last call of Missing or Resemble: the existing copy of each message
	reported mail.UIDSet

	withoutUID []*item // added, and nobody told their UIDs yet

	refusedKeywords map[string]bool
}

// How much one call of Append takes: it is held until the server has it.
const (
	appendMessages = 500
	appendBytes    = 4 << 20
)

func (f *folder) BatchSize() (messages int, bytes int64) { return appendMessages, appendBytes }

// folder returns the mailbox at a place, not opened yet.
func (t *Target) folder(place restore.Place, readOnly bool) *folder {
	return &folder{inventory: inventory{session: session{t: t, place: place, readOnly: readOnly}}, refusedKeywords: map[string]bool{}}
}

func (f *folder) Close() error {
	if f.journal != nil {
		f.collectReport()
	}
	return f.close()
}

// item is a message on its way into the folder.
type item struct {
	restore.Wanted
	fate      *restore.AppendResult
	text      spool.Buffer
	traits    fingerprint.Traits
	flags     []string // to send along
	remaining []string // flags to try one by one when the message is there
	date      string
	uid       mail.UID
}

// journalMessages are items as the journal records them.
func journalMessages(items []*item) []journal.Message {
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
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	defer f.release()
	fates := make([]restore.AppendResult, len(messages))
	var items []*item
	defer func() {
		for _, it := range items {
			it.text.Drop()
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
		err = f.check(ctx, added)
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
			it.remaining = append(it.remaining, flag) // not legal, but it came from a server
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

// buffer reads the message once, and notes what is odd about it.
func (it *item) buffer(ctx context.Context) error {
	if body, ok := it.Body.(restore.InMemory); ok && body.Bytes() != nil {
		it.text.Hold(body.Bytes())
		_, err := it.traits.Write(body.Bytes())
		return err
	}
	it.text.Expect(it.Size)
	return it.Body.WriteTo(ctx, io.MultiWriter(&it.text, &it.traits))
}

// errDropped: the connection was lost whenever these messages were sent, though it can be made again.
var errDropped = errors.New("the server hangs up on it")

// sendWithRetry sends items until the server gives a clear answer. It returns those that are not there, and why.
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
		if failed != nil || len(left) == 0 {
			return left, failed
		}
	}
	return left, err
}

// send sends items in one go and notes those that are there now.
func (f *folder) send(ctx context.Context, items []*item) (left []*item, err error) {
	messages := make([]imap.Appended, len(items))
	for i, it := range items {
		messages[i] = imap.Appended{Flags: it.flags, Date: it.date, Size: it.text.Size, Binary: it.traits.NUL, Write: it.text.CopyTo}
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
			f.withoutUID = append(f.withoutUID, items[i])
		}
	}
	if failed := f.journal.Add(journalMessages(added)); failed != nil && err == nil {
		err = failed
	}
	return left, err
}
