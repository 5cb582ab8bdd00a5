package look

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Cat prints one message, byte for byte.
type Cat struct {
	Manifest    string `arg:"" optional:"" help:"Which manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed."`
	messageArgs `embed:""`

	Attachment int `placeholder:"N" help:"Print only the content of this attachment, decoded; mailstrata show numbers them."`
}

// ListsManifests implements cli.Lister.
func (*Cat) ListsManifests() {}

func (*Cat) Help() string {
	return `Prints the bytes that the server sent, with CRLF line ends where they were. mailstrata verifies them before it prints the first. "mailstrata show" prints a message to be read.

EXAMPLES

    mailstrata cat latest INBOX 4711 > message.eml
    mailstrata cat 2026-03-14 Projects/Bridge 12 | less
    mailstrata cat --message-id 4711@mail.example > message.eml
    mailstrata cat latest INBOX 4711 --attachment 1 > invoice.pdf

` + cli.ExitStatus
}

func (c *Cat) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	m, err := findMessage(ctx, p.Output, r, c.Manifest, &c.messageArgs)
	if err != nil {
		return err
	}
	if c.Attachment != 0 {
		return c.attachment(ctx, p, r, m)
	}
	body := m.Body(&m.entry.Record)
	if err := body.Verify(ctx); err != nil {
		return fmt.Errorf("mailbox %q, UID %d: %w", m.mailbox.Name, m.entry.UID, err)
	}
	return body.WriteTo(ctx, p)
}

// attachment prints the content of an attachment.
func (c *Cat) attachment(ctx context.Context, p *cli.Program, r *repo.Repo, m *foundMessage) error {
	all, err := m.attachments(ctx, r)
	if err != nil {
		return err
	}
	if c.Attachment < 1 || c.Attachment > len(all) {
		return &hint.Error{
			Text: fmt.Sprintf("the message has no attachment %d: it has %s", c.Attachment, ui.Plural(len(all), "attachment")),
			Hint: "mailstrata show " + m.place() + " lists them",
		}
	}
	a := &all[c.Attachment-1]
	if p.Width() > 0 {
		return hint.Usagef("an attachment is not printed on a terminal: append > FILE")
	}
	return a.WriteTo(ctx, m.Contents, p)
}
