package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"

	"golang.org/x/net/html"
)

// markup says where the text is in an XML vocabulary, by names of elements without their prefixes,
// in lower case.
type markup map[string]element

// element is what an element means.
type element struct {
	text  bool // its text, also that of elements in it, is text of the document
	skip  bool // it is left out with all that is in it
	space byte // the white space that it stands for, at its begin and its end, or 0

	// read is called where the element begins, with a function that returns an attribute. It
	// returns text that the attributes have, and whether the element is left out. It can be nil.
	read func(attribute func(name string) string) (text string, skip bool)
}

// elements returns a markup of elements that mean the same.
func elements(e element, names ...string) markup {
	m := make(markup, len(names))
	for _, name := range names {
		m[name] = e
	}
	return m
}

// and returns a markup with the elements of another, too.
func (m markup) and(other markup) markup {
	maps.Copy(m, other)
	return m
}

// maxToken is the size of the largest tag or text without a tag, in bytes. It bounds the memory.
const maxToken = 8 << 20

// xml writes the text of an XML document. It reads tags and text by the tokenizer for HTML, which
// never fails and knows no entities but those of HTML, and does not check that the document is
// well-formed.
func (w *writer) xml(r io.Reader, m markup) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxToken)
	z.AllowCDATA(true)
	depth := xmlDepth{markup: m}
	for {
		if err := w.step(); err != nil {
			return err
		}
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return xmlError(z.Err())
		case html.TextToken:
			if depth.text > 0 && depth.skip == 0 {
				if err := w.text(z.Text()); err != nil {
					return err
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			if err := w.tag(z, kind, &depth); err != nil {
				return err
			}
		}
	}
}

// tag writes what a tag stands for, and counts the element.
func (w *writer) tag(z *html.Tokenizer, kind html.TokenType, depth *xmlDepth) error {
	name, more := z.TagName()
	name = localName(name)
	if kind == html.StartTagToken {
		z.NextIsNotRawText() // "title" and "style" are no elements of HTML here
	}
	if depth.skip > 0 {
		if string(name) == depth.name { // only the end of that element matters
			depth.skip = step(depth.skip, kind)
		}
		return nil
	}
	e, ok := depth.markup[string(name)]
	if !ok {
		return nil
	}
	if e.space != 0 {
		if err := w.space(e.space); err != nil {
			return err
		}
	}
	if e.read != nil && kind != html.EndTagToken {
		var text string
		text, e.skip = e.read(attributes(z, more))
		if err := w.text([]byte(text)); err != nil {
			return err
		}
	}
	switch {
	case e.skip && kind == html.StartTagToken:
		depth.skip, depth.name = 1, string(name)
	case e.text:
		depth.text = step(depth.text, kind)
	}
	return nil
}

// xmlError returns why the reading of XML ended, or nil at its end.
func xmlError(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, html.ErrBufferExceeded):
		return fmt.Errorf("%w: more than %d bytes without a tag", ErrTooLarge, maxToken)
	}
	return err
}

// xmlDepth counts elements that are open.
type xmlDepth struct {
	markup
	text int    // elements whose text is text
	skip int    // elements that are named as the one that is skipped: that one, and those in it
	name string // of the element that is skipped
}

// step returns a depth after a tag. An end tag without a start tag does not count.
func step(depth int, kind html.TokenType) int {
	switch kind {
	case html.StartTagToken:
		return depth + 1
	case html.EndTagToken:
		return max(0, depth-1)
	}
	return depth // an element without content
}

// attributes returns a function that returns the attribute of a name. It reads the attributes when
// it is called first.
func attributes(z *html.Tokenizer, more bool) func(name string) string {
	var found map[string]string
	return func(name string) string {
		if found == nil {
			found = make(map[string]string)
			for more {
				var key, value []byte
				if key, value, more = z.TagAttr(); len(found) < 100 {
					found[string(localName(key))] = string(value)
				}
			}
		}
		return found[name]
	}
}

// localName returns a name without its prefix. Prefixes are a convention, and programs choose
// others.
func localName(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}
