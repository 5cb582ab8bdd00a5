package imap

import (
	"bytes"
	"math"
	"strconv"
)

// kind says how a token was written on the wire.
type kind uint8

const (
	atomKind     kind = iota // a bare word or number
	stringKind               // "quoted" or a literal
	listKind                 // ( ... )
	nilKind                  // NIL; its text is kept, for a keyword may be called that
	streamedKind             // a body literal that went to the sink; no text
	droppedKind              // a literal too large to keep, of an attribute nobody asked for; no text
)

// node is one token of a response, or a list of them. Its bytes are the reader's, and live until the next response.
type node struct {
	kind kind
	text []byte
	list []node
}

// is reports whether the node is the atom word, compared without case as RFC 9051 section 9 note 1 has it.
func (n node) is(word string) bool {
	return (n.kind == atomKind || n.kind == nilKind) && equalFold(n.text, word)
}

// isText reports whether the node carries text: an atom or a string. NIL does not.
func (n node) isText() bool { return n.kind == atomKind || n.kind == stringKind }

// number reads an unsigned number of 63 bits (RFC 9051's number64), written bare or, as some servers do, quoted.
func (n node) number() (uint64, bool) {
	if !n.isText() {
		return 0, false
	}
	return parseNumber(n.text)
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

// attribute finds the value that follows name in a list of names and values, as FETCH and STATUS answer.
func attribute(pairs []node, name string) (node, bool) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].is(name) {
			return pairs[i+1], true
		}
	}
	return node{}, false
}

// words collects the text of every atom and string of a list, copied out of the reader's memory.
func (n node) words() []string {
	if len(n.list) == 0 {
		return nil
	}
	words := make([]string, 0, len(n.list))
	for _, m := range n.list {
		if m.isText() || m.kind == nilKind {
			words = append(words, string(m.text))
		}
	}
	return words
}

// raw copies the node's text; it is nil for NIL, and empty, not nil, for an empty string.
func (n node) raw() []byte {
	if !n.isText() {
		return nil
	}
	return append([]byte{}, n.text...)
}

// equalFold compares ASCII without case and without allocating.
func equalFold(b []byte, word string) bool {
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

// appendTo writes the node back in a readable form, for traces and error messages.
func (n node) appendTo(b []byte) []byte {
	switch n.kind {
	case listKind:
		b = append(b, '(')
		for i, m := range n.list {
			if i > 0 {
				b = append(b, ' ')
			}
			b = m.appendTo(b)
		}
		return append(b, ')')
	case stringKind:
		return strconv.AppendQuote(b, string(n.text))
	case streamedKind, droppedKind:
		return append(b, "{…}"...)
	}
	return append(b, bytes.ToValidUTF8(n.text, []byte("?"))...)
}

func (n node) String() string { return string(n.appendTo(nil)) }
