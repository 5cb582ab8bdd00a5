package imaprestore

import (
	"context"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Previewer = (*Target)(nil)

// Preview implements restore.Previewer. It lists, and makes nothing.
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
	if err := p.list(ctx); err != nil {
		return nil, err
	}
	places, err := p.mapPlaces(mailboxes)
	for i := range places {
		if !p.has(places[i].Name) {
			places[i].Name = ""
		}
	}
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
