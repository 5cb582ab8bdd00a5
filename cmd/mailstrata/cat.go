package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/mail"
)

type catCommand struct {
	Manifest string `arg:"" help:"Which manifest: an id, latest, latest~2, a date, friday; ACCOUNT@ may go before."`
	Mailbox  string `arg:"" help:"The mailbox that the message is in."`
	UID      uint32 `arg:"" name:"uid" help:"The message's UID, as \"mailstrata ls MANIFEST MAILBOX\" tells it."`
}

func (*catCommand) Help() string {
	return `The bytes are those that the server gave, each one: line ends are CRLF where they were. They are checked against the archived hash before the first of them is written.

EXAMPLES

    mailstrata cat latest INBOX 4711 > message.eml
    mailstrata cat 2026-03-14 Projects/Bridge 12 | less

` + exitStatus
}

func (c *catCommand) Run(ctx context.Context, p *program) error {
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := access.MayRead(r); err != nil {
		return err
	}
	contents, err := p.openManifest(ctx, r, c.Manifest)
	if err != nil {
		return err
	}
	mailbox, err := p.mailbox(ctx, r, contents, c.Mailbox)
	if err != nil {
		return err
	}
	entry, err := contents.Entry(ctx, mailbox, mail.UID(c.UID))
	if err != nil {
		return err
	}
	body := contents.Body(&entry.Record)
	if err := body.Verify(ctx); err != nil {
		return fmt.Errorf("mailbox %q, UID %d: %w", mailbox.Name, c.UID, err)
	}
	return body.WriteTo(ctx, p)
}
