package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxQuery is the length of the longest query, in bytes.
	MaxQuery = 4096

	// maxQueryWords bounds the words of a query, and so the time of a search.
	maxQueryWords = 256

	// maxDepth bounds how deep parentheses and negations nest.
	maxDepth = 16

	// minPrefix is the length of the shortest prefix, in characters. A shorter one begins so many
	// words that a search for it would read a large part of an index.
	minPrefix = 2
)

// Parse reads a query. Its errors are of type *SyntaxError.
//
//	query   = { [ "AND" ] choice }
//	choice  = item { "OR" item }
//	item    = [ "-" | "NOT" ] ( "(" query ")" | filter | term )
//	filter  = column ":" ( "(" query ")" | term ) | "has:attachment" | name ":" value
//	term    = text without spaces [ "*" ] | '"' text '"' [ "*" ]
//
// A term that has no words, such as a dash, is left out.
func Parse(text string) (*Query, error) {
	if len(text) > MaxQuery {
		return nil, errorAt(text, MaxQuery-len(lastPart(text[:MaxQuery])), "a query has at most %d bytes", MaxQuery)
	}
	p := &parser{text: text, query: &Query{}}
	all, err := p.list()
	if err == nil && p.at < len(text) {
		err = p.errorf(p.at, `no "(" belongs to this ")"; write it in quotes if you search for it`)
	}
	if err == nil && all == nil && len(p.query.Filters) == 0 && strings.TrimSpace(text) != "" {
		err = p.errorf(0, "there is no letter and no digit to search for")
	}
	if err != nil {
		return nil, err
	}
	p.query.Words = all
	return p.query, nil
}

// lastPart returns the bytes of a character that is cut off at the end of a text.
func lastPart(text string) string {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax); i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRuneInString(text[i:]) {
				return ""
			}
			return text[i:]
		}
	}
	return ""
}

// parser reads a query from left to right.
type parser struct {
	text   string
	at     int
	query  *Query
	column Column // of the words that come
	depth  int
	words  int
}

func (p *parser) errorf(at int, format string, args ...any) error {
	return errorAt(p.text, at, format, args...)
}

func (p *parser) skipSpaces() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

// accept takes an operator, which is a word in capitals.
func (p *parser) accept(operator string) bool {
	p.skipSpaces()
	rest, ok := strings.CutPrefix(p.text[p.at:], operator)
	r, _ := utf8.DecodeRuneInString(rest)
	if !ok || rest != "" && !unicode.IsSpace(r) && r != '(' && r != ')' && !isQuote(r) {
		return false
	}
	p.at += len(operator)
	return true
}

// list reads items until the end or a ")". It returns nil if they have no words.
func (p *parser) list() (*Expr, error) {
	var all []*Expr
	and, or := false, false
	for first := true; ; first = false {
		p.skipSpaces()
		at := p.at
		joined := p.accept("AND")
		p.skipSpaces()
		ended := p.at == len(p.text) || p.text[p.at] == ')'
		switch {
		case joined && (first || ended):
			return nil, p.errorf(at, `AND stands between two words; write "AND" in quotes if you search for it`)
		case ended:
			return join(And, all), nil
		}
		choice, chosen, err := p.choice()
		if err != nil {
			return nil, err
		}
		and, or = and || joined, or || chosen
		if and && or {
			return nil, p.errorf(at, "use parentheses where both AND and OR stand between words")
		}
		if choice != nil {
			all = append(all, choice)
		}
	}
}

// choice reads items with OR between them, and reports whether there is an OR.
func (p *parser) choice() (e *Expr, or bool, err error) {
	var all []*Expr
	filters := len(p.query.Filters)
	p.skipSpaces()
	at := p.at // of the last OR
	for {
		p.skipSpaces()
		if p.accept("OR") || p.at == len(p.text) || p.text[p.at] == ')' {
			return nil, or, p.errorf(at, `OR stands between two words; write "OR" in quotes if you search for it`)
		}
		item, err := p.item()
		if err != nil {
			return nil, or, err
		}
		if item != nil {
			all = append(all, item)
		}
		p.skipSpaces()
		if at = p.at; !p.accept("OR") {
			break
		}
		or = true
	}
	if or {
		err = p.refuseFilters(filters, "OR")
	}
	return join(Or, all), or, err
}

// refuseFilters returns an error if there are filters after the first n.
func (p *parser) refuseFilters(n int, where string) error {
	if len(p.query.Filters) == n {
		return nil
	}
	f := &p.query.Filters[n]
	return f.Errorf("%s: does not work within %s; it can stand beside it", f.Name, where)
}

// join returns the Expr of several.
func join(op Op, all []*Expr) *Expr {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &Expr{Op: op, Args: all}
}

// item reads a term, a filter or a group, and the negation before it.
func (p *parser) item() (*Expr, error) {
	p.skipSpaces()
	at := p.at
	if p.accept("NOT") {
		p.skipSpaces()
		if p.at == len(p.text) || p.text[p.at] == ')' {
			return nil, p.errorf(at, `NOT stands before a word; write "NOT" in quotes if you search for it`)
		}
		return p.negated(at)
	}
	if p.text[p.at] == '-' && p.at+1 < len(p.text) {
		if r, _ := utf8.DecodeRuneInString(p.text[p.at+1:]); !unicode.IsSpace(r) && r != ')' {
			p.at++
			return p.negated(at)
		}
	}
	switch r, n := utf8.DecodeRuneInString(p.text[p.at:]); {
	case r == '(':
		return p.group()
	case isQuote(r):
		return p.quoted(n)
	}
	at = p.at
	name, ok, err := p.filterName()
	switch {
	case err != nil:
		return nil, err
	case ok:
		return p.filter(name, at)
	}
	return p.bare()
}

// negated reads what stands after a negation.
func (p *parser) negated(at int) (*Expr, error) {
	if err := p.enter(at); err != nil {
		return nil, err
	}
	defer p.leave()
	p.skipSpaces()
	filters := len(p.query.Filters)
	group := p.text[p.at] == '('
	item, err := p.item()
	switch {
	case err != nil:
		return nil, err
	case group:
		err = p.refuseFilters(filters, "a negated group")
	case len(p.query.Filters) > filters:
		f := &p.query.Filters[filters]
		f.Not = !f.Not
	}
	if item == nil || err != nil {
		return nil, err
	}
	if item.Op == Not {
		return item.Args[0], nil
	}
	return &Expr{Op: Not, Args: []*Expr{item}}, nil
}

func (p *parser) enter(at int) error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf(at, "parentheses and negations nest at most %d deep", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// group reads a query in parentheses.
func (p *parser) group() (*Expr, error) {
	at := p.at
	if err := p.enter(at); err != nil {
		return nil, err
	}
	defer p.leave()
	p.at++
	e, err := p.list()
	if err != nil {
		return nil, err
	}
	if p.at == len(p.text) {
		return nil, p.errorf(at, `no ")" belongs to this "("; write it in quotes if you search for it`)
	}
	p.at++
	return e, nil
}
