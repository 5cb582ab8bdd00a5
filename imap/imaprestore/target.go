package imaprestore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/journal"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is an account that is restored into. It adds messages, mailboxes and subscriptions. It
// removes and changes messages only as a restore.Mirrorer.
type Target struct {
	opts     imap.Options
	pool     *imapclient.Pool
	pause    func(ctx context.Context, d time.Duration) error // between attempts
	waits    retry.Budget                                     // that the server asked for
	existing atomic.Int64                                     // in open folders: messages held for comparing
	dropped  atomic.Int32                                     // messages refused in a row by the end of the connection
	reserved []mail.Mailbox

	mu      sync.Mutex
	reports []journal.Report // to write when the restore has ended
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Informed  = (*Target)(nil)
	_ restore.Previewer = (*Target)(nil)
)

// NewTarget returns the account as a target. It does not connect yet.
//
// It does not ask for UTF8=ACCEPT: a server may then refuse messages with 8-bit headers that are
// not UTF-8 (RFC 6855 section 4), and modified UTF-7 can name every mailbox.
func NewTarget(opts imap.Options) *Target {
	return &Target{opts: opts, pool: imapclient.NewPool(opts, false), pause: retry.Sleep,
		waits: retry.Budget{Report: opts.Waiting}}
}

// Inform implements restore.Informed.
func (t *Target) Inform(with restore.ArchiveInfo) { t.reserved = with.Mailboxes }

// Prepare makes the missing mailboxes, and returns where the messages of each go.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) (
	places []restore.Place, notes []string, err error) {
	err = t.mapPlaces(ctx, mailboxes, func(p *preparation, mapped []restore.Place) error {
		if err := p.createMissing(ctx, mailboxes, mapped); err != nil {
			notes = p.notes
			return err
		}
		err := p.confirm(ctx, mapped)
		places, notes = mapped, p.notes
		return err
	})
	return places, notes, err
}

// mapPlaces maps mailboxes to the target and calls use with the result, while it has a connection.
func (t *Target) mapPlaces(ctx context.Context, mailboxes []mail.Mailbox,
	use func(*preparation, []restore.Place) error) error {
	c, err := t.pool.Get(ctx)
	if err != nil {
		return err
	}
	defer t.pool.Put(c)
	if err := c.Unselect(ctx); err != nil {
		return err
	}
	p := &preparation{c: c, gmail: c.IsGmail(), host: t.opts.Host, reserved: t.reserved, pause: t.pause}
	if err := p.list(ctx); err != nil {
		return err
	}
	places, err := p.mapPlaces(mailboxes)
	if err != nil {
		return err
	}
	return use(p, places)
}

// Open opens a mailbox for adding.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	f := t.folder(place, false)
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	f.release()
	return f, nil
}

// Parallel returns the number of folders that can be written at once, one for each connection.
func (t *Target) Parallel() int { return t.pool.Parallel() }

// Close closes the idle connections now, and the others when they are given back. It completes the
// journals.
func (t *Target) Close() error {
	t.pool.Close()
	return t.writeReports()
}

// Preview implements restore.Previewer. It lists, and makes nothing.
func (t *Target) Preview(ctx context.Context, mailboxes []mail.Mailbox) (places []restore.Place, err error) {
	err = t.mapPlaces(ctx, mailboxes, func(p *preparation, mapped []restore.Place) error {
		places = mapped
		for i := range places {
			if !p.has(places[i].Name) {
				places[i].Name = ""
			}
		}
		return nil
	})
	return places, err
}

// OpenRead implements restore.Previewer. The mailbox is opened by EXAMINE.
func (t *Target) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	f := t.folder(place, true)
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	return f, nil
}
