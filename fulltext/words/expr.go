package words

import "slices"

// Column is a part of a message in which words are looked for.
type Column int

// The columns. AnyColumn is not a column of a message: it stands for each of the others.
const (
	AnyColumn Column = iota
	From
	To // To, Cc and Bcc
	Subject
	Body
	Attachment // names and texts of attachments
)

// Columns are the columns of a message, in the order of their numbers.
var Columns = []Column{From, To, Subject, Body, Attachment}

// String returns the column as a query names it.
func (c Column) String() string {
	return [...]string{"any", "from", "to", "subject", "body", "attachment"}[c]
}

// columnOf returns the column that a query names, or AnyColumn for other names.
func columnOf(name string) Column {
	if i := slices.IndexFunc(Columns, func(c Column) bool { return c.String() == name }); i >= 0 {
		return Columns[i]
	}
	return AnyColumn
}

// Fields are the texts of a message. Phrases do not cross from one text to another.
type Fields struct {
	From, To, Subject string
	Body              []string
	Attachments       []string // one for each attachment: its name, a line break, and its text if that is known
}

// texts calls do for each text until do returns false.
func (f *Fields) texts(do func(Column, string) bool) {
	if !do(From, f.From) || !do(To, f.To) || !do(Subject, f.Subject) {
		return
	}
	for _, text := range f.Body {
		if !do(Body, text) {
			return
		}
	}
	for _, text := range f.Attachments {
		if !do(Attachment, text) {
			return
		}
	}
}

// Op is the kind of an Expr.
type Op int

// The kinds.
const (
	Phrase        Op = iota // Words, one after the other, in one text of Column
	And                     // all of Args
	Or                      // any of Args
	Not                     // not Args[0]
	HasAttachment           // the message has an attachment
)

// Expr is a condition on the words of a message.
type Expr struct {
	Op     Op
	Args   []*Expr
	Column Column
	Words  []string // folded; at least one
	Prefix bool     // the last of Words is the beginning of a word
}

// Query is a parsed query. A message matches if its words match Words and all Filters hold.
type Query struct {
	Words   *Expr // nil matches all messages
	Filters []Filter

	// What can be a misunderstanding, for notes to the user.
	Reduced []Reduced // terms with symbols, which no word has
	Lower   []string  // "or" and the like, which are words because they are not in capitals
}

// And returns the query with one more condition on the words.
func (q *Query) And(e *Expr) *Query {
	with := *q
	switch {
	case q.Words == nil:
		with.Words = e
	case q.Words.Op == And:
		with.Words = &Expr{Op: And, Args: append(slices.Clone(q.Words.Args), e)}
	default:
		with.Words = &Expr{Op: And, Args: []*Expr{q.Words, e}}
	}
	return &with
}

// Reduced is a term that is searched for without its symbols.
type Reduced struct {
	Text  string
	Words []string // empty: it is left out
}
