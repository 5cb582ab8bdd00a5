package wire

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// literalSize recognizes "{n}", "{n+}" and "~{n}" at the end of the line (RFC 9051 section 4.3, RFC
// 7888, RFC 3516). Braces elsewhere are characters of an atom.
func (r *Reader) literalSize() (int64, bool) {
	rest := bytes.TrimPrefix(r.line[r.pos:], []byte("~"))
	if r.inCode || len(rest) < 3 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return 0, false
	}
	digits := bytes.TrimSuffix(rest[1:len(rest)-1], []byte("+"))
	size, ok := parseNumber(digits)
	if !ok && len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0 {
		size, ok = math.MaxInt64, true // a number beyond 64 bits still announces a literal
	}
	return int64(min(size, math.MaxInt64)), ok
}

// literal reads a literal into memory, or gives it to the sink if it is a body.
func (r *Reader) literal(size int64, depth, mark int) error {
	inFetch := depth == 1 && r.resp.Name == "FETCH"
	inMetadata := depth == 1 && r.resp.Name == "METADATA"
	var name Node
	if n := len(r.stack); n > mark {
		name = r.stack[n-1]
	}
	var err error
	switch {
	case inFetch && isBody(name):
		err = r.stream(size, string(name.Text), r.stack[mark:len(r.stack)-1])
		r.push(Node{Kind: Streamed})
	case size <= MaxLiteral && !(inMetadata && len(r.memory)+int(size) > maxMetadata):
		err = r.hold(int(size))
	case inFetch, inMetadata:
		err = r.skip(size)
		r.push(Node{Kind: Dropped})
	default:
		return Flood("a literal of %d bytes in a %s response; no more than %d are taken", size, printable.Text(r.resp.Name),
			MaxLiteral)
	}
	if err != nil {
		return err
	}
	return r.nextLine()
}

func (r *Reader) hold(size int) error {
	start := len(r.memory)
	if start+size > maxResponse {
		return Flood("a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
	}
	r.memory = append(r.memory, make([]byte, size)...)
	r.resp.Size += size
	text := r.memory[start:]
	r.push(Node{Kind: String, Text: text})
	_, err := io.ReadFull(r.Input, text)
	return unexpectedEOF(err, true)
}

// skip discards bytes that nothing reads.
func (r *Reader) skip(size int64) error {
	if size > maxSkipped {
		return Flood("a literal of %d bytes that nothing asked for", size)
	}
	r.resp.Discarded += size
	for size > 0 {
		n, err := r.Input.Discard(int(min(size, 1<<30)))
		if size -= int64(n); err != nil {
			return unexpectedEOF(err, true)
		}
	}
	return nil
}

// stream gives one literal to the sink.
func (r *Reader) stream(size int64, name string, before []Node) error {
	content := &LiteralReader{br: r.Input, name: name, size: size, left: size}
	if r.Sink != nil {
		err := r.Sink(&BodyLiteral{seq: r.resp.Number, Before: before, Name: name, Size: size, Content: content})
		if err == nil {
			err = content.Err
		}
		if err != nil {
			return err
		}
	}
	return r.skip(content.left)
}

// isBody reports whether an attribute's literal is content of a message, which may have any size.
func isBody(name Node) bool {
	if name.Kind != Atom {
		return false
	}
	before, _, bracket := bytes.Cut(name.Text, []byte("["))
	if bracket {
		return isSection(before)
	}
	return EqualFold(before, "RFC822") || EqualFold(before, "RFC822.TEXT") || EqualFold(before, "RFC822.HEADER")
}

// LiteralReader reads one literal off the connection. It remembers errors of the connection, so
// that a sink that ignores them cannot make a broken connection look whole.
type LiteralReader struct {
	br   *bufio.Reader
	name string // of the attribute
	size int64  // as announced
	left int64
	Err  error
}

func (l *LiteralReader) Read(p []byte) (int, error) {
	if l.Err != nil {
		return 0, l.Err
	}
	if l.left == 0 {
		return 0, cmp.Or(l.close(), io.EOF)
	}
	n, err := l.br.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	l.Err = l.cut(err)
	return n, l.Err
}

// WriteTo writes out of the connection's buffer, so that io.Copy copies each byte once.
func (l *LiteralReader) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for l.left > 0 && l.Err == nil {
		if _, err := l.br.Peek(1); err != nil {
			l.Err = l.cut(err)
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
	if l.Err == nil {
		l.close()
	}
	return written, l.Err
}

// cut says how much of the literal came before the connection failed.
func (l *LiteralReader) cut(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, after %d of the %d bytes of %s",
		unexpectedEOF(err, true), l.size-l.left, l.size, printable.Text(l.name))
}

// close checks that the literal ends where it was announced to end: another attribute or the end of
// the list follows. Otherwise nothing shows which bytes belong to the message.
func (l *LiteralReader) close() error {
	next, err := l.br.Peek(1)
	if err != nil {
		l.Err = l.cut(err)
	} else if bytes.IndexByte([]byte(" )\r\n"), next[0]) < 0 {
		l.Err = fmt.Errorf("%w: it announces \"%s {%d}\", and neither another attribute nor the end of the list follows after %d bytes",
			ErrOutOfStep, printable.Text(l.name), l.size, l.size)
	}
	return l.Err
}
