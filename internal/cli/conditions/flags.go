package conditions

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Flags are conditions for messages. All must match.
type Flags struct {
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

// Help explains the flags, and the dates and sizes that they take.
const Help = `All conditions must match. Text matches anywhere in the decoded field, in upper or lower case. A DATE is 2023, 2023-01, 2023-01-31, 2023-01-31T06:30, "jan 2023", today, yesterday, friday, 2w or "2 weeks ago"; a day begins at local midnight. K, M and G are powers of 1,000; Ki, Mi and Gi of 1,024.`

// Search returns the query of the flags. recipient matches To, Cc and Bcc.
func (f *Flags) Search(recipient string) (search.Query, error) {
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
