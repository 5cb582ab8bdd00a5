package wire

import "bytes"

// list reads tokens until the list closes, or the response (or, at depth 0, its code) ends. It
// skips a ")" too many and supplies a missing one: the readable part is worth more than an error.
// A list with a missing one is not closed.
func (r *Reader) list(depth int) (nodes []Node, closed bool, err error) {
	mark := len(r.stack)
	for {
		r.skipBlanks()
		if r.pos >= len(r.line) {
			break
		}
		c := r.line[r.pos]
		if c == ')' {
			r.pos++
			if closed = depth > 0; closed {
				break
			}
			continue
		}
		if c == ']' && depth == 0 && r.inCode {
			r.pos++
			break
		}
		if err := r.token(depth, mark); err != nil {
			return nil, false, err
		}
	}
	start := len(r.nodes)
	r.nodes = append(r.nodes, r.stack[mark:]...)
	r.stack = r.stack[:mark]
	return r.nodes[start:len(r.nodes):len(r.nodes)], closed, nil
}

// token reads one token and pushes it on the stack, where its siblings begin at mark.
func (r *Reader) token(depth, mark int) error {
	if r.tokens++; r.tokens > maxTokens {
		return Flood("a response of more than %d tokens, beginning %q", maxTokens, head(r.memory))
	}
	if size, ok := r.literalSize(); ok {
		return r.literal(size, depth, mark)
	}
	switch r.line[r.pos] {
	case '(':
		if depth == maxDepth {
			return Flood("lists nested deeper than %d, beginning %q", maxDepth, head(r.memory))
		}
		r.pos++
		children, closed, err := r.list(depth + 1)
		r.push(Node{Kind: List, List: children, Ragged: !closed})
		return err
	case '"':
		text, closed := r.quoted()
		r.push(Node{Kind: String, Text: text, Ragged: !closed || !r.atEnd()})
		return nil
	}
	atom := r.atom(depth)
	if EqualFold(atom, "NIL") {
		r.push(Node{Kind: Nil, Text: atom})
	} else {
		r.push(Node{Kind: Atom, Text: atom})
	}
	return nil
}

func (r *Reader) push(n Node) { r.stack = append(r.stack, n) }

// atom reads to the next blank or parenthesis. Brackets are part of an atom, because keywords
// contain them. Only the name of a body section, at depth 1 of a FETCH, may hold blanks and
// parentheses in its brackets: BODY[HEADER.FIELDS (DATE FROM)]<0>.
func (r *Reader) atom(depth int) []byte {
	start := r.pos
	for ; r.pos < len(r.line); r.pos++ {
		switch c := r.line[r.pos]; {
		case c == ' ' || c == '(' || c == ')':
			return r.line[start:r.pos]
		case c == ']' && depth == 0 && r.inCode:
			return r.line[start:r.pos]
		case c == '[' && depth == 1 && r.resp.Name == "FETCH" && isSection(r.line[start:r.pos]):
			r.section()
			return r.line[start:r.pos]
		}
	}
	return r.line[start:r.pos]
}

// section skips "[...]" and "<origin>". If the bracket is not closed, it skips only the bracket.
func (r *Reader) section() {
	end := bytes.IndexByte(r.line[r.pos:], ']')
	if end < 0 {
		r.pos++
		return
	}
	r.pos += end + 1
	if r.pos < len(r.line) && r.line[r.pos] == '<' {
		if end := bytes.IndexByte(r.line[r.pos:], '>'); end >= 0 {
			r.pos += end + 1
		}
	}
}

func isSection(name []byte) bool {
	return EqualFold(name, "BODY") || EqualFold(name, "BODY.PEEK") || EqualFold(name, "BINARY") ||
		EqualFold(name, "BINARY.PEEK") || EqualFold(name, "BINARY.SIZE")
}

// quoted reads a quoted string: any bytes but CR and LF. A backslash that escapes neither a quote
// nor itself stands for itself. A missing quote is supplied at the end of the line, and the string
// is then not closed.
func (r *Reader) quoted() (text []byte, closed bool) {
	r.pos++
	start := r.pos
	end := bytes.IndexByte(r.line[start:], '"')
	if end >= 0 && bytes.IndexByte(r.line[start:start+end], '\\') < 0 {
		r.pos = start + end + 1
		return r.line[start : start+end], true
	}
	for ; r.pos < len(r.line); r.pos++ {
		c := r.line[r.pos]
		if c == '"' {
			r.pos++
			return text, true
		}
		if c == '\\' && r.pos+1 < len(r.line) && (r.line[r.pos+1] == '"' || r.line[r.pos+1] == '\\') {
			r.pos++
			c = r.line[r.pos]
		}
		text = append(text, c)
	}
	return text, false
}

// atEnd reports whether a token can end here: a blank, the end of a list or code, or that of the
// line follows.
func (r *Reader) atEnd() bool {
	return r.pos == len(r.line) || bytes.IndexByte([]byte(" )]"), r.line[r.pos]) >= 0
}
