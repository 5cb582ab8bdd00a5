package imap

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
)

// literalSize recognises "{n}", "{n+}" and "~{n}" at the end of the line. Braces elsewhere are characters of an atom.
func (r *reader) literalSize() (int64, bool) {
	rest := bytes.TrimPrefix(r.line[r.pos:], []byte("~"))
	if r.inCode || len(rest) < 3 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return 0, false
	}
	digits := bytes.TrimSuffix(rest[1:len(rest)-1], []byte("+"))
	size, ok := parseNumber(digits)
	if !ok && len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0 {
		size, ok = math.MaxInt64, true // a number beyond 64 bits announces a literal all the same
	}
	return int64(min(size, math.MaxInt64)), ok
}

// literal reads a literal into memory, or, if it is a body, hands it to the sink.
func (r *reader) literal(size int64, depth, mark int) error {
	inFetch := depth == 1 && r.resp.name == "FETCH"
	var name node
	if n := len(r.stack); n > mark {
		name = r.stack[n-1]
	}
	var err error
	switch {
	case inFetch && isBody(name):
		err = r.stream(size, string(name.text), r.stack[mark:len(r.stack)-1])
		r.push(node{kind: streamedKind})
	case size <= maxLiteral:
		err = r.hold(int(size))
	case inFetch:
		err = r.skip(size)
		r.push(node{kind: droppedKind})
	default:
		return flood("a literal of %d bytes in a %s response; no more than %d are taken", size, printable(r.resp.name), maxLiteral)
	}
	if err != nil {
		return err
	}
	return r.nextLine()
}

func (r *reader) hold(size int) error {
	start := len(r.memory)
	if start+size > maxResponse {
		return flood("a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
	}
	r.memory = append(r.memory, make([]byte, size)...)
	r.resp.size += size
	text := r.memory[start:]
	r.push(node{kind: stringKind, text: text})
	_, err := io.ReadFull(r.br, text)
	return midway(err, true)
}

// skip passes over bytes that nobody takes.
func (r *reader) skip(size int64) error {
	if size > maxSkipped {
		return flood("a literal of %d bytes that nothing asked for", size)
	}
	r.resp.passed += size
	for size > 0 {
		n, err := r.br.Discard(int(min(size, 1<<30)))
		if size -= int64(n); err != nil {
			return midway(err, true)
		}
	}
	return nil
}

// stream lends the connection to the sink for the length of one literal.
func (r *reader) stream(size int64, name string, before []node) error {
	content := &literalReader{br: r.br, left: size}
	if r.sink != nil {
		err := r.sink(&bodyLiteral{seq: r.resp.number, before: before, name: name, size: size, content: content})
		if err == nil {
			err = content.err
		}
		if err != nil {
			return err
		}
	}
	return r.skip(content.left)
}

// isBody reports whether an attribute's literal is content of a message, which may have any size.
func isBody(name node) bool {
	if name.kind != atomKind {
		return false
	}
	before, _, bracket := bytes.Cut(name.text, []byte("["))
	if bracket {
		return isSection(before)
	}
	return equalFold(before, "RFC822") || equalFold(before, "RFC822.TEXT") || equalFold(before, "RFC822.HEADER")
}

// literalReader reads one literal off the connection. Its own failures are remembered, so that a sink which swallows
// an error cannot make a broken connection look whole.
type literalReader struct {
	br   *bufio.Reader
	left int64
	err  error
}

func (l *literalReader) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.left == 0 {
		return 0, cmp.Or(l.close(), io.EOF)
	}
	n, err := l.br.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	l.err = midway(err, true)
	return n, l.err
}

// WriteTo writes straight out of the connection's buffer: io.Copy then copies each byte once.
func (l *literalReader) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for l.left > 0 && l.err == nil {
		if _, err := l.br.Peek(1); err != nil {
			l.err = midway(err, true)
			break
		}
		piece, _ := l.br.Peek(int(min(int64(l.br.Buffered()), l.left)))
		n, err := w.Write(piece)
		written += int64(n)
		l.left -= int64(n)
		l.br.Discard(n)
		if err != nil {
			return written, err
		}
		if n < len(piece) {
			return written, io.ErrShortWrite
		}
	}
	if l.err == nil {
		l.close()
	}
	return written, l.err
}

// close makes sure that the literal has ended where it was announced to: what follows is another attribute, or the end
// of the list. Where it does not, nobody knows which bytes are the message's.
func (l *literalReader) close() error {
	next, err := l.br.Peek(1)
	if err != nil {
		l.err = midway(err, true)
	} else if bytes.IndexByte([]byte(" )\r\n"), next[0]) < 0 {
		l.err = errLength
	}
	return l.err
}

// errLength: what was announced is not what came.
var errLength = errors.New("a literal is longer or shorter than it was announced")
