package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// pickFlags narrow a restore to some messages.
type pickFlags struct {
	MissingFrom string   `group:"query" placeholder:"MANIFEST" help:"Only messages that this manifest lacks: those deleted until then. Messages that only moved are not restored; of several copies, as many as are missing."`
	Message     []string `group:"query" sep:"none" placeholder:"UID" help:"Only this message of the one --mailbox: a UID, or several: 12,15:20 (repeatable)."`
	Recipient   string   `group:"query" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc (find calls it --to)."`
	queryFlags  `embed:""`
}

// pick returns the messages and mailboxes that the flags select. A nil pick means all messages of the mailboxes.
func (c *restoreCommand) pick(ctx context.Context, p *program, r *repo.Repo, contents *archive.Contents, query search.Query) (*restore.Pick, func(*manifest.Mailbox) bool, error) {
	wants := func(m *manifest.Mailbox) bool { return c.Wants(&m.Mailbox) }
	if len(c.Mailbox)+len(c.Exclude) == 0 {
		wants = nil
	}
	if query.IsZero() && c.MissingFrom == "" && len(c.Message) == 0 {
		return nil, wants, nil
	}
	pick := &restore.Pick{Query: query}
	if c.MissingFrom != "" {
		var err error
		if pick.MissingFrom, err = p.openManifest(ctx, r, c.otherRef(contents)); err != nil {
			return nil, nil, err
		}
	}
	if len(c.Message) > 0 {
		mailbox, err := c.messages(ctx, p, r, contents, pick)
		if err != nil {
			return nil, nil, err
		}
		wants = func(m *manifest.Mailbox) bool { return m.Raw == mailbox.Raw }
	}
	return pick, wants, nil
}

// otherRef returns --missing-from, with the account of the restored manifest if it names none.
func (c *restoreCommand) otherRef(contents *archive.Contents) string {
	if strings.Contains(c.MissingFrom, "@") || isID(c.MissingFrom) {
		return c.MissingFrom
	}
	return contents.Manifest.Account + "@" + c.MissingFrom
}

// isID reports whether a reference is the beginning of an id, which needs no account.
func isID(ref string) bool {
	return len(ref) >= 4 && strings.Trim(strings.ToLower(ref), "0123456789abcdef") == ""
}

// messages adds the UIDs of --message to the pick, and returns their mailbox.
func (c *restoreCommand) messages(ctx context.Context, p *program, r *repo.Repo, contents *archive.Contents, pick *restore.Pick) (*manifest.Mailbox, error) {
	if len(c.Mailbox) != 1 || len(c.Exclude) > 0 {
		return nil, hint.Usagef("--message needs exactly one --mailbox")
	}
	for _, text := range c.Message {
		uids, err := mail.ParseUIDSet(text)
		if err != nil || uids.Len() == 0 {
			return nil, hint.Usagef("--message: %s is not a UID or a list of UIDs, such as 12 or 12,15:20", ui.Quote(text))
		}
		for uids := range uids.Ranges() {
			pick.UIDs.AddRange(uids)
		}
	}
	mailbox, err := p.mailbox(ctx, r, contents, string(c.Mailbox[0]))
	if err != nil {
		return nil, err
	}
	for uids := range pick.UIDs.Ranges() {
		if uids.Len() > 1 {
			continue // a range may have gaps
		}
		if _, err := contents.Entry(ctx, mailbox, uids.First); err != nil {
			return nil, fmt.Errorf("--message: %w", err)
		}
	}
	return mailbox, nil
}
