package entity

import (
	"bytes"

	"github.com/mailstrata/mailstrata/internal/header"
)

const (
	// MaxDepth is the largest number of multiparts and messages around an entity. It bounds the
	// stack, and the number of boundaries that a line is compared with. Deeper ones have no
	// children. Mail that was forwarded again and again has some twenty levels.
	MaxDepth = 100
	// MaxEntities is the largest number of entities of a message. It bounds the memory: an entity
	// of five bytes takes some
	// 400. The last one has the rest of the message as its body.
	MaxEntities = 10_000
	// MaxFields is how many bytes of a header are read for fields that describe the entity. It is
	// the size of the largest Header part of package mail.
	MaxFields = 256 << 10
)

// Parse returns the structure of a message. It never fails.
func Parse(message []byte) *Entity {
	p := &parser{message: message, newline: header.LineEnd(message)}
	p.dashes = []byte{p.newline, '-', '-'}
	e, _ := p.entity(place{message: true})
	return e
}

// parser goes through a message once, from its begin to its end.
type parser struct {
	message  []byte
	newline  byte     // the last byte of a line end
	dashes   []byte   // what comes before a delimiter: newline and "--"
	open     [][]byte // the boundaries of the multiparts around the current offset, the innermost last
	entities int
}

// place is where an entity begins.
type place struct {
	start   int
	depth   int
	message bool // the entity is a message, which can begin with the line "From " of an mbox
	digest  bool // the entity is a child of a multipart/digest
}

// stop is where an entity ends: at a delimiter, or at the end of the message.
type stop struct {
	level int  // index of the boundary in open; -1 at the end of the message
	close bool // a closing delimiter
	line  int  // where the line of the delimiter begins
	next  int  // where the next line begins
}

// entity parses the entity that begins at a place, up to the delimiter that ends it.
func (p *parser) entity(at place) (*Entity, stop) {
	p.entities++
	e := &Entity{Header: p.header(at)}
	e.readFields(e.Header.Of(p.message), at.digest)
	start := e.Header.End()

	var end stop
	inside := at.depth < MaxDepth
	switch boundary := e.boundary(); {
	case e.IsMultipart() && boundary != "" && inside:
		end = p.multipart(e, []byte(boundary), at.depth)
	case e.isMessage() && inside && start < len(p.message):
		e.Message, end = p.entity(place{start: start, depth: at.depth + 1, message: true})
	default:
		end = p.next(start)
	}
	from := start
	if inner := e.last(); inner != nil {
		from = inner.Body.End() // its header can end with the line break before the delimiter
	}
	e.Body = Range{start, p.beforeDelimiter(end, from) - start}
	if e.Body.Length == 0 {
		e.Message = nil
	}
	return e, end
}

// last returns the last entity directly within e, or nil.
func (e *Entity) last() *Entity {
	if n := len(e.Children); n > 0 {
		return e.Children[n-1]
	}
	return e.Message
}

// multipart parses the children of e, and what follows them.
func (p *parser) multipart(e *Entity, boundary []byte, depth int) stop {
	level := len(p.open)
	p.open = append(p.open, boundary)
	end := p.next(e.Header.End())
	for end.level == level && !end.close {
		var child *Entity
		child, end = p.entity(place{start: end.next, depth: depth + 1, digest: e.Subtype == "digest"})
		e.Children = append(e.Children, child)
	}
	p.open = p.open[:level]
	if end.level == level {
		end = p.next(end.next) // the epilogue
	}
	return end
}

// beforeDelimiter returns the offset of the line break before a delimiter, which belongs to it (RFC
// 2046 section 5.1.1), but not less than from.
func (p *parser) beforeDelimiter(end stop, from int) int {
	at := end.line
	if end.level >= 0 && at > from && p.message[at-1] == p.newline {
		at--
		if at > from && p.newline == '\n' && p.message[at-1] == '\r' {
			at--
		}
	}
	return max(at, from)
}

// next returns the first delimiter at or after an offset where a line begins.
func (p *parser) next(from int) stop {
	end := stop{level: -1, line: len(p.message), next: len(p.message)}
	if len(p.open) == 0 || p.entities >= MaxEntities {
		return end
	}
	for at := from; at < len(p.message); {
		if s, ok := p.delimiter(at); ok {
			return s
		}
		i := bytes.Index(p.message[at:], p.dashes)
		if i < 0 {
			break
		}
		at += i + 1
	}
	return end
}

// delimiter reads the line at an offset as a delimiter of an open multipart.
func (p *parser) delimiter(at int) (stop, bool) {
	if len(p.open) == 0 || p.entities >= MaxEntities || !bytes.HasPrefix(p.message[at:], p.dashes[1:]) {
		return stop{}, false
	}
	next := p.lineEnd(at)
	text := bytes.TrimRight(p.message[at+2:next], " \t\r\n")
	for level := len(p.open) - 1; level >= 0; level-- {
		if rest, ok := bytes.CutPrefix(text, p.open[level]); ok && (len(rest) == 0 || string(rest) == "--") {
			return stop{level: level, close: len(rest) > 0, line: at, next: next}, true
		}
	}
	return stop{}, false
}

// lineEnd returns where the line after the one at an offset begins.
func (p *parser) lineEnd(at int) int {
	if i := bytes.IndexByte(p.message[at:], p.newline); i >= 0 {
		return at + i + 1
	}
	return len(p.message)
}

// header returns the range of the header of the entity at a place.
func (p *parser) header(begin place) Range {
	none := Range{begin.start, 0}
	noField := -1     // the first line that is no field
	first := true     // no line but blank ones has been seen
	continues := true // fields that describe an entity follow that line
	at := begin.start
	for at < len(p.message) {
		next := p.lineEnd(at)
		line := bytes.TrimRight(p.message[at:next], "\r\n")
		if begin.message && at == begin.start {
			line = bytes.TrimPrefix(line, []byte(header.Mark))
		}
		if len(line) == 0 {
			if noField >= 0 && !continues {
				return Range{begin.start, noField - begin.start}
			}
			return Range{begin.start, next - begin.start}
		}
		if bytes.HasPrefix(line, p.dashes[1:]) {
			break // a delimiter, also that of the multipart whose header this is
		}
		folded := line[0] == ' ' || line[0] == '\t'
		switch field := header.IsField(line); {
		case folded:
		case first && !field && !(begin.message && isMboxLine(line)):
			return none
		case noField < 0 && !first && !field:
			noField, continues = at, begin.message
		case noField >= 0 && field && isContentField(line):
			continues = true
		}
		first = first && folded
		at = next
	}
	if noField >= 0 {
		at = noField
	}
	if first {
		return none
	}
	return Range{begin.start, at - begin.start}
}

// isContentField reports whether a field describes an entity (RFC 2045 section 9).
func isContentField(line []byte) bool {
	return len(line) > len("content-") && bytes.EqualFold(line[:len("content-")], []byte("content-"))
}

// isMboxLine reports whether a line is the one with which a message begins in an mbox.
func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}
