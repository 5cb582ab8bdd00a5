package imaprestore

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/imap/internal/wire"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Previewer = (*Target)(nil)

// Preview implements restore.Previewer: it lists, and makes nothing.
func (t *Target) Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	c, err := t.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	defer t.pool.Put(c)
	if err := c.Unselect(ctx); err != nil {
		return nil, err
	}
	p := &preparation{c: c, host: t.opts.Host, reserved: t.reserved}
	if err := p.look(ctx); err != nil {
		return nil, err
	}
	places, err := p.places(mailboxes)
	for i := range places {
		if !p.has(places[i].Name) {
			places[i].Name = ""
		}
	}
	return places, err
}

// OpenRead implements restore.Previewer. The mailbox is opened by EXAMINE.
func (t *Target) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	f := &folder{t: t, place: place, reading: true, refusedKeywords: map[string]bool{}}
	if err := f.attend(ctx); err != nil {
		return nil, err
	}
	if err := f.load(ctx); err != nil {
		f.Close()
		return nil, fmt.Errorf("look at mailbox %s on %s: %w", wire.PrintableName(place.Name), t.opts.Host, err)
	}
	return f, nil
}
