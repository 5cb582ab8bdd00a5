package main

import (
	"context"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"

	"github.com/dustin/go-humanize"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// queryFlags are conditions for messages. All must match.
type queryFlags struct {
	From       string   `group:"query" placeholder:"TEXT" help:"Text in the sender."`
	Subject    string   `group:"query" placeholder:"TEXT" help:"Text in the subject."`
	MessageID  string   `group:"query" name:"message-id" placeholder:"TEXT" help:"Text in the Message-ID."`
	Attachment string   `group:"query" placeholder:"TEXT" help:"Text in the name of an attachment."`
	Since      string   `group:"query" placeholder:"DATE" help:"INTERNALDATE (when the server got it) at this time or later."`
	Before     string   `group:"query" placeholder:"DATE" help:"INTERNALDATE before this time."`
	Larger     string   `group:"query" placeholder:"SIZE" help:"Larger than this: 500K, 1M, 1.5MiB."`
	Smaller    string   `group:"query" placeholder:"SIZE" help:"Smaller than this."`
	Flag       []string `group:"query" sep:"none" placeholder:"FLAG" help:"Has this flag: seen, answered, flagged, draft, deleted (repeatable)."`
	Label      []string `group:"query" sep:"none" placeholder:"NAME" help:"Has this Gmail label: a name, or inbox, sent, starred … (repeatable)."`
	Keyword    []string `group:"query" sep:"none" placeholder:"WORD" help:"Has this keyword (repeatable)."`
}

const queryHelp = `All conditions must match. Text matches anywhere in the decoded field, in upper or lower case. A DATE is 2023, 2023-01, 2023-01-31, 2023-01-31T06:30, "jan 2023", today, yesterday, friday, 2w or "2 weeks ago"; a day begins at local midnight. K, M and G are powers of 1,000; Ki, Mi and Gi of 1,024.`

// query returns the query of the flags. recipient matches To, Cc and Bcc.
func (f *queryFlags) query(recipient string) (search.Query, error) {
	q := search.Query{From: f.From, To: recipient, Subject: f.Subject, MessageID: f.MessageID, Attachment: f.Attachment}
	for _, date := range []struct {
		flag, text string
		to         *time.Time
	}{{"since", f.Since, &q.Since}, {"before", f.Before, &q.Before}} {
		if date.text == "" {
			continue
		}
		t, ok := parseDate(date.text)
		if !ok {
			return q, hint.Usagef("--%s: %s is not a date; write %s", date.flag, ui.Quote(date.text), day.Forms)
		}
		*date.to = t
	}
	for _, limit := range []struct {
		flag, text string
		to         *int64
	}{{"larger", f.Larger, &q.Larger}, {"smaller", f.Smaller, &q.Smaller}} {
		if limit.text == "" {
			continue
		}
		n, err := humanize.ParseBytes(limit.text)
		if err != nil || n == 0 || n > 1<<62 {
			return q, hint.Usagef("--%s: %s is not a size such as 500K or 1M", limit.flag, ui.Quote(limit.text))
		}
		*limit.to = int64(n)
	}
	for _, flag := range f.Flag {
		q.Flags = append(q.Flags, `\`+strings.TrimPrefix(flag, `\`))
	}
	q.Flags, q.Labels = append(q.Flags, f.Keyword...), f.Label
	return q, nil
}

// parseDate returns the first instant of a date as people write it.
func parseDate(text string) (time.Time, bool) {
	when, ok := day.Parse(text, time.Now())
	return when.From, ok
}

// pickFlags narrow a restore to some messages.
type pickFlags struct {
	MissingFrom string   `group:"query" placeholder:"MANIFEST" help:"Only messages that this manifest lacks: those deleted until then. Messages that only moved are not restored; of several copies, as many as are missing."`
	Message     []string `group:"query" sep:"none" placeholder:"UID" help:"Only this message of the one --mailbox: a UID, or several: 12,15:20 (repeatable)."`
	Recipient   string   `group:"query" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc (find calls it --to)."`
	queryFlags  `embed:""`

	Query   queryTexts `group:"query" name:"text" placeholder:"QUERY" help:"Only messages that a search for QUERY finds (docs/search.md; repeatable)."`
	NoIndex bool       `group:"query" name:"no-index" help:"Read all messages for --text, even if this host has an index of their words."`
}

// pick returns the messages and mailboxes that the flags select. A nil pick means all messages of the mailboxes.
func (c *restoreCommand) pick(ctx context.Context, p *program, r *repo.Repo, contents *archive.Contents, record search.Query, w *query.Query) (*restore.Pick, func(*manifest.Mailbox) bool, error) {
	wants := func(m *manifest.Mailbox) bool { return c.Wants(&m.Mailbox) && w.Wants(&m.Mailbox) }
	if len(c.Mailbox)+len(c.Exclude)+len(w.In)+len(w.NotIn) == 0 {
		wants = nil
	}
	if w.Words != nil {
		if err := p.addWords(ctx, r, &record, w, c.NoIndex); err != nil {
			return nil, nil, err
		}
	}
	if record.IsZero() && c.MissingFrom == "" && len(c.Message) == 0 {
		return nil, wants, nil
	}
	pick := &restore.Pick{Query: record}
	if c.MissingFrom != "" {
		var err error
		if pick.MissingFrom, err = p.openManifest(ctx, r, c.otherRef(contents)); err != nil {
			return nil, nil, err
		}
	}
	if len(c.Message) > 0 {
		mailbox, uids, err := p.messages(ctx, r, contents, c.Message, c.Selection)
		if err != nil {
			return nil, nil, err
		}
		pick.UIDs = uids
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
