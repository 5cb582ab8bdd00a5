package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

type catCommand struct {
	Manifest string `arg:"" help:"Which manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed."`
	Mailbox  string `arg:"" help:"The mailbox of the message."`
	UID      uint32 `arg:"" name:"uid" help:"The UID of the message (see \"mailstrata ls MANIFEST MAILBOX\")."`
}

func (*catCommand) Help() string {
	return `Prints the bytes that the server sent, with CRLF line ends where they were. mailstrata verifies them before it prints the first.

EXAMPLES

    mailstrata cat latest INBOX 4711 > message.eml
    mailstrata cat 2026-03-14 Projects/Bridge 12 | less

` + exitStatus
}

func (c *catCommand) Run(ctx context.Context, p *program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	contents, err := p.openManifest(ctx, r, c.Manifest)
	if err != nil {
		return err
	}
	contents.KeepMail()
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
