package safehtml

import (
	"bytes"
	"maps"
	"slices"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// maxDepth is how many elements are within each other. Browsers have such a limit too
	// (Chromium's is 512).
	maxDepth = 200
	// maxReopened bounds the bytes of tags that are written again, because a document closed
	// elements in the wrong order.
	maxReopened = 1 << 20
	// maxPending is how many fonts are opened again at one place.
	maxPending = 8
	// maxPiece is how many bytes of text are written at once.
	maxPiece = 64 << 10
	// maxReopenedTag is the longest tag that is written again.
	maxReopenedTag = 1 << 10
)

// sanitizer writes elements that are nested well. It follows the rules of HTML for tags that are
// missing or misplaced where mail needs them: paragraphs, items and cells that are not closed, and
// fonts that are closed in the wrong order.
type sanitizer struct {
	refs      References
	out       bytes.Buffer
	open      []element
	pending   []element // fonts that an element around them closed, to be opened again before the next text
	deeper    int       // open elements beyond maxDepth, which are not written
	hidden    bool      // the next text is not shown
	reopened  int       // bytes of tags that were written again
	full      bool      // the result has no room for what came last
	colored   bool      // the result has colors, backgrounds or images
	truncated bool      // the document was too large
	remote    map[string]bool
	images    map[string]string // data: URLs by Content-ID
	inlined   int               // bytes of data: URLs in the result
}

// element is an open element.
type element struct {
	tag   atom.Atom
	table bool   // it belongs to the structure of a table
	start string // its start tag, if that may be written again
}

// write adds to the result, all of it or nothing. The end tags of open elements always have room.
func (s *sanitizer) write(parts ...string) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if s.full || s.out.Len()+size > MaxOutput-maxDepth*len("</blockquote>") {
		s.full = true
		return
	}
	for _, part := range parts {
		s.out.WriteString(part)
	}
}

// text adds text.
func (s *sanitizer) text(text []byte) {
	if len(bytes.TrimSpace(text)) > 0 {
		s.reopen()
	}
	for len(text) > 0 {
		n := min(len(text), maxPiece)
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		s.write(html.EscapeString(printable(string(text[:n]))))
		text = text[n:]
	}
}

// start begins an element.
func (s *sanitizer) start(tag atom.Atom, attrs attributes) {
	rule, allowed := elements[tag]
	if !allowed {
		return
	}
	if s.closeImplied(rule); !rule.block && !rule.table {
		s.reopen()
	}
	if tag == atom.Img {
		s.colored = true
		s.image(attrs)
		return
	}
	if len(s.open) == maxDepth && !rule.void {
		s.deeper++
		return
	}
	start := s.startTag(tag, attrs)
	switch {
	case start == "":
		return
	case rule.void:
		s.write(start)
		return
	}
	s.push(element{tag, rule.table, start})
}

// push opens an element by its start tag.
func (s *sanitizer) push(e element) {
	s.write(e.start)
	if s.full {
		return
	}
	if !elements[e.tag].format || len(e.start) > maxReopenedTag {
		e.start = ""
	}
	s.open = append(s.open, e)
}

// end ends an element, if it is open.
func (s *sanitizer) end(tag atom.Atom) {
	rule, allowed := elements[tag]
	switch {
	case tag == atom.Br: // browsers read </br> so
		s.write("<br>")
	case !allowed || rule.void:
	case s.deeper > 0:
		s.deeper--
	case s.endPending(tag):
	default:
		s.close(tag)
	}
}

// closeImplied closes the elements that the start of another one ends, although no end tag does.
func (s *sanitizer) closeImplied(rule rule) {
	if s.deeper > 0 {
		return
	}
	if rule.table {
		s.pending = nil
	}
	if rule.block {
		s.close(atom.P)
	}
	for _, other := range rule.closes {
		s.close(other)
	}
}

// close closes the innermost element of a kind, and those within it. An element of a table is a
// border: what is in a cell cannot end what is around the table. Fonts that are closed on the way
// are to be opened again.
func (s *sanitizer) close(tag atom.Atom) {
	inTable := elements[tag].table
	at := len(s.open) - 1
	for ; at >= 0 && s.open[at].tag != tag; at-- {
		if isBorder(&s.open[at], tag, inTable) {
			return
		}
	}
	if at < 0 {
		return
	}
	if inTable {
		s.pending = nil
	} else {
		for _, e := range s.open[at+1:] {
			if e.start != "" && len(s.pending) < maxPending {
				s.pending = append(s.pending, e)
			}
		}
	}
	s.closeTo(at)
}

// reopen opens the fonts again that were closed with an element around them.
func (s *sanitizer) reopen() {
	pending := s.pending
	s.pending = nil
	for _, e := range pending {
		if len(s.open) == maxDepth || s.reopened+len(e.start) > maxReopened {
			return
		}
		s.reopened += len(e.start)
		s.push(e)
	}
}

// endPending ends a font that is to be opened again.
func (s *sanitizer) endPending(tag atom.Atom) bool {
	for i := len(s.pending) - 1; i >= 0; i-- {
		if s.pending[i].tag == tag {
			s.pending = slices.Delete(s.pending, i, i+1)
			return true
		}
	}
	return false
}

// isBorder reports whether an open element hides those around it from the end of another one.
func isBorder(open *element, end atom.Atom, inTable bool) bool {
	if inTable {
		return open.tag == atom.Table
	}
	return open.table || end == atom.Li && (open.tag == atom.Ul || open.tag == atom.Ol)
}

// closeTo closes elements until n are open.
func (s *sanitizer) closeTo(n int) {
	for len(s.open) > n {
		s.out.WriteString("</" + s.open[len(s.open)-1].tag.String() + ">")
		s.open = s.open[:len(s.open)-1]
	}
}

func (s *sanitizer) closeAll() { s.closeTo(0) }

// hosts returns the hosts of remote images, sorted.
func (s *sanitizer) hosts() []string { return slices.Sorted(maps.Keys(s.remote)) }
