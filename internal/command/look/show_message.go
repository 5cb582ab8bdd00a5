package look

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/reading"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// messageDocument is a message to be read, as JSON.
type messageDocument struct {
	Manifest string `json:"manifest"`
	Account  string `json:"account"`
	Mailbox  string `json:"mailbox"`
	summary.Message
	To          string             `json:"to,omitempty"`
	Cc          string             `json:"cc,omitempty"`
	Written     string             `json:"written,omitempty"` // the field Date
	Text        string             `json:"text"`
	Truncated   bool               `json:"truncated,omitempty"`
	Attachments []attachmentOfMail `json:"attachments"`
}

// attachmentOfMail is an attachment of one message, as JSON.
type attachmentOfMail struct {
	Number int    `json:"number"` // for cat --attachment
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
}

// showMessage prints a message to be read.
func showMessage(ctx context.Context, p *cli.Program, r *repo.Repo, ref string, a *messageArgs) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	m, err := findMessage(ctx, p.Output, r, ref, a)
	if err != nil {
		return err
	}
	document, err := m.read(ctx, r)
	if err != nil {
		return fmt.Errorf("mailbox %q, UID %d: %w", m.mailbox.Name, m.entry.UID, err)
	}
	p.Page()
	if p.JSON {
		return p.PrintJSON(document)
	}
	describeMessage(p, m, document)
	return nil
}

// read reads the text of a message, and what it has attached. It does not read the attachments.
func (m *foundMessage) read(ctx context.Context, r *repo.Repo) (*messageDocument, error) {
	read, err := reading.Read(ctx, m.Contents, m.entry)
	if err != nil {
		return nil, err
	}
	d := &messageDocument{
		Manifest: summary.ID(m.Head), Account: m.Manifest.Account, Mailbox: m.mailbox.Name, Attachments: []attachmentOfMail{},
		Message: read.Message, To: read.To, Cc: read.Cc, Written: read.Written, Text: read.Text, Truncated: read.Truncated,
	}
	attachments, err := m.attachments(ctx, r)
	for i, a := range attachments {
		d.Attachments = append(d.Attachments, attachmentOfMail{i + 1, a.Name, a.Type, a.Size})
	}
	return d, err
}

// attachments returns the attachments of a message.
func (m *foundMessage) attachments(ctx context.Context, r *repo.Repo) ([]attachment.Attachment, error) {
	one := inorder.Slice([]*manifest.Record{&m.entry.Record})
	lister := attachment.Lister{Chunks: m.Chunks(), Key: r.ChunkKey()}
	for found, err := range attachment.Of(ctx, lister, one, func(record *manifest.Record) *manifest.Record { return record }) {
		if err = errors.Join(err, found.Err); err != nil {
			return nil, err
		}
		return found.Attachments, nil
	}
	return nil, nil
}

func describeMessage(p *cli.Program, m *foundMessage, d *messageDocument) {
	place := fmt.Sprintf("%s, UID %d, of manifest %s (%s, %s)",
		d.Mailbox, d.UID, summary.ShortID(m.Head), d.Account, ui.Time(m.Head.Time))
	p.Facts("From", d.From, "To", d.To, "Cc",
		d.Cc, "Date", d.Written, "Subject", d.Subject, "Received", d.When(), "Flags", d.Marks(), "In", place)
	p.Printf("")
	p.Reading(d.Text)
	if d.Truncated {
		p.Printf("\n(the rest of the text is left out: it is longer than %s)", ui.Size(extract.MaxText))
	}
	if len(d.Attachments) == 0 {
		return
	}
	p.Printf("")
	t := p.Table("ATTACHMENT", "NAME", "TYPE", "    SIZE")
	for _, a := range d.Attachments {
		t.Row(ui.Right(fmt.Sprint(a.Number), "ATTACHMENT"), a.Name, a.Type, ui.Right(ui.Size(a.Size), "    SIZE"))
	}
	t.Flush()
	p.Note("to get the first attachment: mailstrata cat %s --attachment 1 > FILE", m.place())
}
