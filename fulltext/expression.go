package fulltext

import (
	"strings"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// columns are the columns of FTS5.
var columns = map[words.Column]string{
	words.From: "sender", words.To: "recipients", words.Subject: "subject", words.Body: "body", words.Attachment: "attachment",
}

// everything matches all messages.
const everything = `body : "` + markMessage + `"`

// prefixMark follows a prefix.
const prefixMark = " *"

// expression returns a condition in the language of FTS5. Words have no ASCII characters but letters and digits, and stand in
// quotes, so they cannot be taken for syntax.
func expression(e *words.Expr) string {
	switch e.Op {
	case words.Or:
		all := make([]string, len(e.Args))
		for i, arg := range e.Args {
			all[i] = expression(arg)
		}
		return "(" + strings.Join(all, " OR ") + ")"
	case words.And:
		return conjunction(e.Args)
	case words.Not:
		return conjunction([]*words.Expr{e})
	case words.HasAttachment:
		return columns[words.Attachment] + ` : "` + markAttachment + `"`
	}
	text := `"` + strings.Join(e.Words, " ") + `"`
	if e.Prefix {
		text += prefixMark
	}
	if e.Column != words.AnyColumn {
		text = columns[e.Column] + " : " + text
	}
	return text
}

// conjunction returns the condition that all hold. FTS5 knows NOT only between two conditions.
func conjunction(all []*words.Expr) string {
	var hold, fail []string
	for _, e := range all {
		if e.Op == words.Not {
			fail = append(fail, expression(e.Args[0]))
		} else {
			hold = append(hold, expression(e))
		}
	}
	if hold == nil {
		hold = []string{everything}
	}
	text := strings.Join(hold, " AND ")
	if fail != nil {
		text = "(" + text + ") NOT (" + strings.Join(fail, " OR ") + ")"
	}
	return "(" + text + ")"
}
