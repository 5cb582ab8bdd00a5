package restore

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// pickFlags narrow a restore to some messages.
type pickFlags struct {
	MissingFrom      string   `group:"query" placeholder:"MANIFEST" help:"Only messages that this manifest lacks: those deleted until then. Messages that only moved are not restored; of several copies, as many as are missing."`
	DeletedSince     string   `group:"query" placeholder:"DATE" help:"Only what was deleted since then: messages that a manifest of that day or later has, and MANIFEST (default: the newest) does not. Each is restored from where it was last."`
	All              bool     `group:"query" help:"From all manifests of the account: each message that matches once, as the newest manifest has it. find --all shows them."`
	Message          []string `group:"query" sep:"none" placeholder:"UID" help:"Only this message of the one --mailbox: a UID, or several: 12,15:20 (repeatable)."`
	Recipient        string   `group:"query" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc (find calls it --to)."`
	conditions.Flags `embed:""`

	Query   conditions.Texts `group:"query" name:"text" placeholder:"QUERY" help:"Only messages that a search for QUERY finds (docs/search.md; repeatable)."`
	NoIndex bool             `group:"query" name:"no-index" help:"Read all messages for --text, even if this host has an index of their words."`
}

// pick returns the messages and mailboxes that the flags select. A nil pick means all messages of
// the mailboxes.
func (c *Command) pick(
	ctx context.Context, p *cli.Program, r *repo.Repo, contents *archive.Contents, record search.Query,
	w *query.Query,
) (*restore.Pick, func(*manifest.Mailbox) bool, error) {
	wants := func(m *manifest.Mailbox) bool { return c.Wants(&m.Mailbox) && w.Wants(&m.Mailbox) }
	if len(c.Mailbox)+len(c.Exclude)+len(w.In)+len(w.NotIn) == 0 {
		wants = nil
	}
	if c.All {
		return &restore.Pick{}, nil, nil // allNights has selected them
	}
	if w.Words != nil {
		if err := conditions.AddWords(ctx, p, r, &record, w, c.NoIndex); err != nil {
			return nil, nil, err
		}
	}
	if record.IsZero() && c.DeletedSince == "" && c.MissingFrom == "" && len(c.Message) == 0 {
		return nil, wants, nil
	}
	pick := &restore.Pick{Query: record}
	if c.MissingFrom != "" {
		var err error
		if pick.MissingFrom, err = named.Manifest(ctx, p.Output, r, c.otherRef(contents)); err != nil {
			return nil, nil, err
		}
	}
	if len(c.Message) > 0 {
		mailbox, uids, err := named.Messages(ctx, r, contents, c.Message, c.Selection)
		if err != nil {
			return nil, nil, err
		}
		pick.UIDs = uids
		wants = func(m *manifest.Mailbox) bool { return m.Raw == mailbox.Raw }
	}
	return pick, wants, nil
}

// otherRef returns --missing-from, with the account of the restored manifest if it names none.
func (c *Command) otherRef(contents *archive.Contents) string {
	if strings.Contains(c.MissingFrom, "@") || named.IsID(c.MissingFrom) {
		return c.MissingFrom
	}
	return contents.Manifest.Account + "@" + c.MissingFrom
}
