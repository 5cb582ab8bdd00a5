package wire

import (
	"bytes"
	"math"
	"strconv"
)

// Kind is the way in which a token was written.
type Kind uint8

const (
	Atom     Kind = iota // a bare word or number
	String               // "quoted" or a literal
	List                 // ( ... )
	Nil                  // NIL; its text is kept, because a keyword may have that name
	Streamed             // a body literal that the sink read; no text
	Dropped              // a literal too large to keep, of an attribute that was not asked for; no text
)

// Node is one token of a response, or a list of tokens. Its bytes are the Reader's and valid until
// the next response.
type Node struct {
	Kind   Kind
	Ragged bool // of a list or a quoted string: it does not end as it must, so it may be a part
	Text   []byte
	List   []Node
}

// Is reports whether the node is the atom word. Atoms are compared without case (RFC 9051 section
// 9, note 1).
func (n Node) Is(word string) bool {
	return (n.Kind == Atom || n.Kind == Nil) && EqualFold(n.Text, word)
}

// IsText reports whether the node has text: it is an atom or a string, not NIL.
func (n Node) IsText() bool { return n.Kind == Atom || n.Kind == String }

// Number reads an unsigned number (RFC 9051 section 9, number64), written bare or, as some servers
// do, quoted.
func (n Node) Number() (uint64, bool) {
	if !n.IsText() {
		return 0, false
	}
	return parseNumber(n.Text)
}

// parseNumber reads up to 64 bits of digits and nothing else.
func parseNumber(digits []byte) (uint64, bool) {
	if len(digits) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// Attribute returns the value that follows name in a list of names and values, as in FETCH and
// STATUS responses.
func Attribute(pairs []Node, name string) (Node, bool) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Is(name) {
			return pairs[i+1], true
		}
	}
	return Node{}, false
}

// Words returns a copy of the text of every atom, string and NIL of a list.
func (n Node) Words() []string {
	if len(n.List) == 0 {
		return nil
	}
	words := make([]string, 0, len(n.List))
	for _, m := range n.List {
		if m.IsText() || m.Kind == Nil {
			words = append(words, string(m.Text))
		}
	}
	return words
}

// Bytes returns a copy of the node's text. It is nil for NIL, and empty, not nil, for an empty
// string.
func (n Node) Bytes() []byte {
	if !n.IsText() {
		return nil
	}
	return append([]byte{}, n.Text...)
}

// EqualFold compares ASCII without case and without allocating.
func EqualFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		if upper(b[i]) != upper(word[i]) {
			return false
		}
	}
	return true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// AppendTo appends the node in a readable form, for traces and error messages.
func (n Node) AppendTo(b []byte) []byte {
	switch n.Kind {
	case List:
		b = append(b, '(')
		for i, m := range n.List {
			if i > 0 {
				b = append(b, ' ')
			}
			b = m.AppendTo(b)
		}
		return append(b, ')')
	case String:
		return strconv.AppendQuote(b, string(n.Text))
	case Streamed, Dropped:
		return append(b, "{…}"...)
	}
	return append(b, bytes.ToValidUTF8(n.Text, []byte("?"))...)
}

func (n Node) String() string { return string(n.AppendTo(nil)) }
