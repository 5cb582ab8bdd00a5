package imap

import "bytes"

// list reads tokens until the list closes, or the response (or, at depth 0, its code) ends. A ")" too many is
// skipped, one too few is supplied: what was readable so far is worth more than an error.
func (r *reader) list(depth int) ([]node, error) {
	mark := len(r.stack)
	for {
		r.skipBlanks()
		if r.pos >= len(r.line) {
			break
		}
		c := r.line[r.pos]
		if c == ')' {
			r.pos++
			if depth > 0 {
				break
			}
			continue
		}
		if c == ']' && depth == 0 && r.inCode {
			r.pos++
			break
		}
		if err := r.token(depth, mark); err != nil {
			return nil, err
		}
	}
	start := len(r.nodes)
	r.nodes = append(r.nodes, r.stack[mark:]...)
	r.stack = r.stack[:mark]
	return r.nodes[start:len(r.nodes):len(r.nodes)], nil
}

// token reads one token and pushes it on the stack, where its siblings begin at mark.
func (r *reader) token(depth, mark int) error {
	if r.tokens++; r.tokens > maxTokens {
		return flood("a response of more than %d tokens, beginning %q", maxTokens, head(r.memory))
	}
	if size, ok := r.literalSize(); ok {
		return r.literal(size, depth, mark)
	}
	switch r.line[r.pos] {
	case '(':
		if depth == maxDepth {
			return flood("lists nested deeper than %d, beginning %q", maxDepth, head(r.memory))
		}
		r.pos++
		children, err := r.list(depth + 1)
		r.push(node{kind: listKind, list: children})
		return err
	case '"':
		r.push(node{kind: stringKind, text: r.quoted()})
		return nil
	}
	atom := r.atom(depth)
	if equalFold(atom, "NIL") {
		r.push(node{kind: nilKind, text: atom})
	} else {
		r.push(node{kind: atomKind, text: atom})
	}
	return nil
}

func (r *reader) push(n node) { r.stack = append(r.stack, n) }

// atom reads to the next blank or parenthesis. Brackets are part of an atom, for keywords contain them; only the name of
// a body section, which stands at depth 1 of a FETCH, may hold blanks and parentheses in its brackets:
// BODY[HEADER.FIELDS (DATE FROM)]<0>.
func (r *reader) atom(depth int) []byte {
	start := r.pos
	for ; r.pos < len(r.line); r.pos++ {
		switch c := r.line[r.pos]; {
		case c == ' ' || c == '(' || c == ')':
			return r.line[start:r.pos]
		case c == ']' && depth == 0 && r.inCode:
			return r.line[start:r.pos]
		case c == '[' && depth == 1 && r.resp.name == "FETCH" && isSection(r.line[start:r.pos]):
			r.section()
			return r.line[start:r.pos]
		}
	}
	return r.line[start:r.pos]
}

// section moves past "[...]" and "<origin>". Where the bracket is not closed it takes the one byte, no more.
func (r *reader) section() {
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
	return equalFold(name, "BODY") || equalFold(name, "BODY.PEEK") || equalFold(name, "BINARY") ||
		equalFold(name, "BINARY.PEEK") || equalFold(name, "BINARY.SIZE")
}

// quoted reads a quoted string: any bytes but CR and LF. A backslash that escapes neither a quote nor itself
// stands for itself, and a quote that is missing is supplied at the end of the line.
func (r *reader) quoted() []byte {
	r.pos++
	start := r.pos
	end := bytes.IndexByte(r.line[start:], '"')
	if end >= 0 && bytes.IndexByte(r.line[start:start+end], '\\') < 0 {
		r.pos = start + end + 1
		return r.line[start : start+end]
	}
	var text []byte
	for ; r.pos < len(r.line); r.pos++ {
		c := r.line[r.pos]
		if c == '"' {
			r.pos++
			return text
		}
		if c == '\\' && r.pos+1 < len(r.line) && (r.line[r.pos+1] == '"' || r.line[r.pos+1] == '\\') {
			r.pos++
			c = r.line[r.pos]
		}
		text = append(text, c)
	}
	return text
}
