package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FilterName is the name of a Filter in a query.
type FilterName string

// The filters.
const (
	In      FilterName = "in"      // a mailbox
	After   FilterName = "after"   // a date: at this time or later
	Before  FilterName = "before"  // a date
	Larger  FilterName = "larger"  // a size
	Smaller FilterName = "smaller" // a size
	Flag    FilterName = "flag"    // a flag or a keyword
	Label   FilterName = "label"   // a label of Gmail
	Is      FilterName = "is"      // seen, unseen, answered, flagged, draft or deleted
)

// Filter is a condition on what a manifest records of a message, which the words do not decide. All
// Filters of a Query must hold: the language does not allow them within OR or within a negated
// group.
type Filter struct {
	Name  FilterName
	Value string // as written, without quotes; not empty. The values of Is are those of its comment
	Not   bool   // the condition must not hold

	query   string
	at, end int
}

// Following returns the text of the query after the filter.
func (f *Filter) Following() string { return f.query[f.end:] }

// Errorf returns an error about the filter, which names its place in the query.
func (f *Filter) Errorf(format string, args ...any) error {
	return errorAt(f.query, f.at, format, args...)
}

var filterNames = []FilterName{In, After, Before, Larger, Smaller, Flag, Label, Is}

// aliases are other names of filters and columns.
var aliases = map[string]string{
	"since": "after", "folder": "in", "mailbox": "in", "filename": "attachment", "cc": "to", "bcc": "to", "keyword": "flag",
	"newer_than": "after", "newer": "after", "older_than": "before", "older": "before",
}

// foreign are filters of notmuch, Gmail and others, and what to write instead.
var foreign = map[string]string{
	"date":        "write after:2023-01-01 before:2024-01-01",
	"size":        "write larger:1M or smaller:1M",
	"tag":         "write flag:, is:, label: or in:",
	"category":    "write label:",
	"mimetype":    "write has:attachment or attachment:pdf",
	"path":        "write in: and a mailbox",
	"id":          "use --message-id",
	"mid":         "use --message-id",
	"rfc822msgid": "use --message-id",
	"deliveredto": "write to:",
	"thread":      "write subject:",
	"list":        "write to: or in:",
	"year":        "write after:2023-01-01 before:2024-01-01",
	"month":       "write after:2023-01-01 before:2023-02-01",
	"day":         "write after:2023-01-01 before:2023-01-02",
	"sent":        "write after: or before:",
	"received":    "write after: or before:",
	"until":       "write before:",
	"sender":      "write from:",
	"recipient":   "write to:",
	"subj":        "write subject:",
	"msgid":       "use --message-id",
	"message-id":  "use --message-id",
	"type":        "write has:attachment or attachment:pdf",
	"filetype":    "write attachment:pdf",
	"account":     "use --account, or ACCOUNT@MANIFEST",
}

// states are the values of Is, and what else people call them.
var states = map[string]string{
	"seen": "seen", "read": "seen", "unseen": "unseen", "unread": "unseen", "answered": "answered", "replied": "answered",
	"flagged": "flagged", "starred": "flagged", "draft": "draft", "deleted": "deleted",
}

// filter reads what stands after the name of a filter, which begins at at.
func (p *parser) filter(name string, at int) (*Expr, error) {
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	if p.at == len(p.text) || unicode.IsSpace(r) || r == ')' {
		return nil, p.errorf(at, "%s: needs a value, without a space before it", name)
	}
	if c := columnOf(name); c != AnyColumn {
		return p.inColumn(c, at)
	}
	var value string
	var err error
	if isQuote(r) {
		value, err = p.quotedText(n)
	} else {
		value = p.bareText()
	}
	if err != nil {
		return nil, err
	}
	f := Filter{Name: FilterName(name), Value: value, query: p.text, at: at, end: p.at}
	switch {
	case value == "":
		return nil, f.Errorf("%s: needs a value", name)
	case name == "has":
		if value = strings.ToLower(value); value != "attachment" && value != "attachments" {
			return nil, f.Errorf("has: knows only has:attachment; for files of a kind, write attachment:pdf, for labels label:work")
		}
		return &Expr{Op: HasAttachment}, nil
	case f.Name == Is:
		if f.Value = states[strings.ToLower(value)]; f.Value == "" {
			return nil, f.Errorf("is: knows seen, unseen, answered, flagged, draft and deleted")
		}
	}
	p.query.Filters = append(p.query.Filters, f)
	return nil, nil
}

// inColumn reads the words that are looked for in one column.
func (p *parser) inColumn(c Column, at int) (e *Expr, err error) {
	outer := p.column
	if outer != AnyColumn {
		return nil, p.errorf(at, "%s: does not work within %s:", c, outer)
	}
	p.column = c
	defer func() { p.column = outer }()
	filters := len(p.query.Filters)
	switch r, n := utf8.DecodeRuneInString(p.text[p.at:]); {
	case r == '(':
		if e, err = p.group(); err == nil {
			err = p.refuseFilters(filters, c.String()+":")
		}
	case isQuote(r):
		e, err = p.quoted(n)
	default:
		e, err = p.bare()
	}
	if err == nil && e == nil {
		err = p.errorf(at, "%s: needs a letter or a digit to search for", c)
	}
	return e, err
}
