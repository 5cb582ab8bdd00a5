package safehtml

import "golang.org/x/net/html/atom"

// rule says how an element is written. None of the elements loads anything, runs anything, takes
// input, or has content that is read by other rules than plain HTML.
type rule struct {
	void   bool        // it has no content and no end tag
	block  bool        // it ends a paragraph
	format bool        // it is opened again when an element around it ends before it
	table  bool        // it belongs to the structure of a table
	closes []atom.Atom // what its start ends
}

// canonical returns the element that is written in the place of another one.
func canonical(tag atom.Atom) atom.Atom {
	switch tag {
	case atom.Body: // often has the colors of the whole message
		return atom.Div
	case atom.Xmp, atom.Listing, atom.Plaintext: // their text is shown as it is
		return atom.Pre
	}
	return tag
}

var (
	block  = rule{block: true}
	format = rule{format: true}
	inline = rule{}
	void   = rule{void: true}
	item   = rule{block: true, closes: []atom.Atom{atom.Li}}
	term   = rule{block: true, closes: []atom.Atom{atom.Dd, atom.Dt}}
	cell   = rule{table: true, closes: []atom.Atom{atom.Td, atom.Th}}
	group  = rule{
		table:  true,
		closes: []atom.Atom{atom.Tbody, atom.Thead, atom.Tfoot, atom.Caption, atom.Colgroup, atom.Tr},
	}
	row = rule{table: true, closes: []atom.Atom{atom.Tr, atom.Caption, atom.Colgroup}}
)

// elements are those that are allowed.
var elements = map[atom.Atom]rule{
	atom.Address: block, atom.Article: block, atom.Aside: block, atom.Blockquote: block, atom.Center: block,
	atom.Details: block, atom.Dir: block, atom.Div: block, atom.Dl: block, atom.Figcaption: block, atom.Figure: block,
	atom.Footer: block, atom.H1: block, atom.H2: block, atom.H3: block, atom.H4: block, atom.H5: block, atom.H6: block,
	atom.Header: block, atom.Main: block, atom.Menu: block, atom.Nav: block, atom.Ol: block, atom.P: block, atom.Pre: block,
	atom.Section: block, atom.Summary: block, atom.Ul: block,
	atom.Dd: term, atom.Dt: term, atom.Li: item,

	atom.A: {format: true, closes: []atom.Atom{atom.A}},
	atom.B: format, atom.Big: format, atom.Code: format, atom.Em: format, atom.Font: format, atom.I: format, atom.S: format,
	atom.Small: format, atom.Strike: format, atom.Strong: format, atom.Tt: format, atom.U: format,

	atom.Abbr: inline, atom.Acronym: inline, atom.Bdi: inline, atom.Bdo: inline, atom.Cite: inline, atom.Del: inline,
	atom.Dfn: inline, atom.Ins: inline, atom.Kbd: inline, atom.Mark: inline, atom.Nobr: inline, atom.Q: inline,
	atom.Rp: inline, atom.Rt: inline, atom.Ruby: inline, atom.Samp: inline, atom.Span: inline, atom.Sub: inline,
	atom.Sup: inline, atom.Time: inline, atom.Var: inline,

	atom.Br: void, atom.Img: void, atom.Wbr: void, atom.Hr: {void: true, block: true},

	atom.Table: {block: true, table: true}, atom.Caption: group, atom.Colgroup: group, atom.Tbody: group, atom.Tfoot: group,
	atom.Thead: group, atom.Tr: row, atom.Td: cell, atom.Th: cell, atom.Col: {void: true, table: true},
}
