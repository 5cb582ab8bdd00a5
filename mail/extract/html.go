package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText returns the text of an HTML document, of about limit bytes at most. It reads tokens, and
// makes no tree: trees of hostile documents take time and memory beyond all measure. Elements that
// begin a line, a cell or an item separate words, and those within a line do not.
func htmlText(document string, limit int) string {
	z := html.NewTokenizer(strings.NewReader(document))
	w := textWriter{}
	w.b.Grow(len(document) / 4)
	skip := false // the next text is a script or a style sheet
	for w.b.Len() < limit {
		switch z.Next() {
		case html.ErrorToken:
			return w.b.String()
		case html.TextToken:
			if !skip {
				w.write(z.Text())
			}
			skip = false
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := atom.Lookup(name)
			skip = tag == atom.Script || tag == atom.Style
			if tag == atom.Iframe || tag == atom.Noembed || tag == atom.Noframes || tag == atom.Noscript {
				z.NextIsNotRawText() // programs that show mail run no scripts, and show what is in them
			}
			w.tag(tag)
			for tag == atom.Img && more {
				var key, value []byte
				if key, value, more = z.TagAttr(); string(key) == "alt" {
					w.write(value)
					w.space(' ')
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			w.tag(atom.Lookup(name))
			skip = false
		}
	}
	return w.b.String()
}

// textWriter writes text in which white space is collapsed.
type textWriter struct {
	b       strings.Builder
	pending byte // white space to be written before the next text, or 0
}

// space puts white space after the last text, and a line break before a blank.
func (w *textWriter) space(c byte) {
	if w.pending != '\n' {
		w.pending = c
	}
}

// tag puts what a tag stands for between words.
func (w *textWriter) tag(tag atom.Atom) {
	switch separators[tag] {
	case inline:
	case cell:
		w.space(' ')
	case block:
		w.space('\n')
	}
}

func (w *textWriter) write(text []byte) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && !isSpace(text[n]) {
			n++
		}
		if n > 0 {
			if w.pending != 0 && w.b.Len() > 0 {
				w.b.WriteByte(w.pending)
			}
			w.pending = 0
			w.b.Write(text[:n])
			text = text[n:]
		}
		for len(text) > 0 && isSpace(text[0]) {
			w.space(' ')
			text = text[1:]
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' }

type separator uint8

const (
	inline separator = iota // nothing: "W<b>ord</b>" is one word
	cell                    // a blank
	block                   // a line break
)

// separators are the elements that separate words.
var separators = map[atom.Atom]separator{
	atom.Td: cell, atom.Th: cell, atom.Img: cell, atom.Input: cell, atom.Button: cell, atom.Object: cell, atom.Iframe: cell,
	atom.Select: cell, atom.Textarea: cell,

	atom.Address: block, atom.Article: block, atom.Aside: block, atom.Blockquote: block, atom.Body: block, atom.Br: block,
	atom.Caption: block, atom.Center: block, atom.Dd: block, atom.Details: block, atom.Dir: block, atom.Div: block,
	atom.Dl: block, atom.Dt: block, atom.Fieldset: block, atom.Figcaption: block, atom.Figure: block, atom.Footer: block,
	atom.Form: block, atom.Frameset: block, atom.H1: block, atom.H2: block, atom.H3: block, atom.H4: block, atom.H5: block,
	atom.H6: block, atom.Head: block, atom.Header: block, atom.Hr: block, atom.Html: block, atom.Legend: block, atom.Li: block,
	atom.Main: block, atom.Menu: block, atom.Nav: block, atom.Noscript: block, atom.Ol: block, atom.Optgroup: block,
	atom.Option: block, atom.P: block, atom.Plaintext: block, atom.Pre: block, atom.Section: block, atom.Summary: block,
	atom.Table: block, atom.Tbody: block, atom.Tfoot: block, atom.Thead: block, atom.Title: block, atom.Tr: block,
	atom.Ul: block, atom.Xmp: block,
}
