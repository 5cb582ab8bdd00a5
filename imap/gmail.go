package imap

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Gmail's mailboxes are labels (X-GM-EXT-1). A message is in All Mail, Spam or Trash, and appears once more under each
// of its labels. So only these three are read, with the labels of each message; the other mailboxes are names. The
// three are found by their special use, because their names are in the user's language.

// IsGmail reports whether the server has Gmail's extensions.
func (c *Client) IsGmail() bool { return c.Has("X-GM-EXT-1") }

// markLabels marks the mailboxes whose messages are all read in another mailbox.
func markLabels(survey *mail.Survey) {
	if !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Selectable() && m.Has(`\All`) }) {
		survey.Notes = append(survey.Notes, "All Mail is hidden from IMAP (Gmail's settings, Labels, Show in IMAP): "+
			"the labels are read as mailboxes instead, and mail without a label is not seen")
		return
	}
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		m.Label = m.Selectable() && !slices.ContainsFunc([]string{`\All`, `\Junk`, `\Trash`}, m.Has)
	}
}

// AddLabels adds Gmail's labels to messages.
func (m *Mailbox) AddLabels(ctx context.Context, uids mail.UIDSet, labels []string) error {
	cmd := NewCommand("UID STORE").Raw(" " + uids.String() + " +X-GM-LABELS (")
	for i, label := range labels {
		if i > 0 {
			cmd.Raw(" ")
		}
		name, system := strings.CutPrefix(label, `\`)
		switch decoded, ok := mail.DecodeName(label); {
		case system && wire.IsAtom(name):
			cmd.Raw(label)
		case ok:
			cmd.Text(mail.EncodeName(decoded)) // the archived label may be in UTF-8
		default:
			cmd.Text(label)
		}
	}
	return m.c.Do(ctx, cmd.Raw(")"))
}
