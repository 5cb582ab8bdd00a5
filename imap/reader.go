package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// What a server can make us hold for one response. Bodies are not counted: they are never held.
const (
	maxResponse = 16 << 20 // bytes of a response, its literals included: an ESEARCH of a scattered mailbox of a million
	maxTokens   = 1 << 17  // tokens of a response
	maxDepth    = 32       // lists within lists
	maxLiteral  = 1 << 20  // bytes of a literal that is not a body
	maxKept     = 1 << 16  // bytes and tokens of memory kept from one response to the next
)

// response is one response of the server. Everything in it lives until the next is read.
type response struct {
	tag    string      // "*" untagged, "+" go on, or the tag of a command
	number uint64      // of "* 23 EXISTS" and "* 23 FETCH (...)"
	name   string      // in upper case: FETCH, LIST, OK, NO, BYE...
	args   []node      // of data
	code   code        // of a status, where it has one
	text   string      // of a status or a continuation
	found  mail.UIDSet // of SEARCH
}

// code is what stands in brackets before the text of a status: [UIDNEXT 4392].
type code struct {
	name string // in upper case; "" for none
	args []node
	raw  string // the arguments as they came
}

// bodyLiteral is a body while it arrives: the sink reads content, and what it leaves is discarded.
type bodyLiteral struct {
	seq     uint64
	before  []node // the attributes of the same response that came before; the UID, one hopes
	name    string // BODY[], BINARY[1], RFC822...
	size    int64
	content *literalReader
}

// reader reads responses. It takes whatever can be understood (a bare LF, blanks too many, 8-bit bytes in quotes,
// brackets in keywords, lists that are not closed) and fails only where the stream itself cannot be followed, or asks
// for more memory than the limits above.
type reader struct {
	br    *bufio.Reader
	sink  func(*bodyLiteral) error // takes body literals; nil discards them
	trace func(line []byte)        // is shown every line; may be nil

	resp   response
	memory []byte // all text of the response
	nodes  []node // all closed lists of the response
	stack  []node // the children so far of the lists still open
	tokens int

	line   []byte // the physical line being scanned, without its end
	pos    int
	inCode bool // scanning a response code: "]" ends it, literals cannot occur
}

func newReader(src io.Reader) *reader {
	return &reader{br: bufio.NewReaderSize(src, 128<<10)}
}

// next reads one whole response, handing body literals to the sink on the way.
func (r *reader) next() (*response, error) {
	r.reset()
	if err := r.nextLine(); err != nil {
		return nil, err
	}
	if r.resp.name == "SEARCH" { // read by nextLine, number by number
		return &r.resp, nil
	}
	tag := r.word()
	switch string(tag) {
	case "*":
		r.resp.tag = "*"
		return &r.resp, r.untagged()
	case "+":
		r.resp.tag = "+"
		r.resp.text = r.rest()
		return &r.resp, nil
	}
	r.resp.tag = string(tag)
	r.resp.name = upperName(r.word())
	r.status()
	return &r.resp, nil
}

func (r *reader) reset() {
	if cap(r.memory) > maxKept {
		r.memory = nil
	}
	if cap(r.nodes) > maxKept/16 {
		r.nodes = nil
	}
	if cap(r.stack) > maxKept/16 {
		r.stack = nil
	}
	r.memory, r.nodes, r.stack, r.tokens = r.memory[:0], r.nodes[:0], r.stack[:0], 0
	r.resp = response{}
}

// nextLine reads the next physical line: a whole response, or what follows a literal. The first line of a response
// that is a SEARCH is taken apart at once, for it may be longer than any line we would hold.
func (r *reader) nextLine() error {
	start := len(r.memory)
	for {
		piece, err := r.br.ReadSlice('\n')
		if start == 0 && len(r.memory) == 0 && isSearch(piece) {
			return r.search(piece, err)
		}
		if len(r.memory)+len(piece) > maxResponse {
			return fmt.Errorf("the server sent a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
		}
		r.memory = append(r.memory, piece...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return midway(err, start > 0 || len(r.memory) > 0)
		}
		break
	}
	r.line = trimEnd(r.memory[start:])
	r.pos = 0
	if r.trace != nil {
		r.trace(r.line)
	}
	return nil
}

// midway tells an end of the connection between responses from one within.
func midway(err error, within bool) error {
	if err == io.EOF && within {
		return io.ErrUnexpectedEOF
	}
	return err
}

// trimEnd takes off the line end: CRLF, or the bare LF some servers send.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// untagged reads "* 23 FETCH (...)", "* LIST ...", "* OK [...] ...".
func (r *reader) untagged() error {
	word := r.word()
	if n, ok := parseNumber(word); ok {
		r.resp.number = n
		word = r.word()
	}
	r.resp.name = upperName(word)
	switch r.resp.name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		r.status()
		return nil
	}
	args, err := r.list(0)
	r.resp.args = args
	return err
}

// status reads the rest of a status response: a code in brackets, if it is one, and text.
func (r *reader) status() {
	r.skipBlanks()
	start := r.pos
	if start < len(r.line) && r.line[start] == '[' && !r.readCode() {
		r.pos, r.resp.code = start, code{} // brackets of some text, not a code
	}
	r.resp.text = r.rest()
}

func (r *reader) readCode() bool {
	r.pos++
	begin := r.pos
	for r.pos < len(r.line) && r.line[r.pos] != ' ' && r.line[r.pos] != ']' {
		r.pos++
	}
	name := upperName(r.line[begin:r.pos])
	begin = r.pos
	r.inCode = true
	args, err := r.list(0)
	r.inCode = false
	closed := r.pos > 0 && r.line[r.pos-1] == ']'
	if err != nil || !closed || name == "" {
		return false
	}
	raw := strings.TrimSpace(string(r.line[begin : r.pos-1]))
	r.resp.code = code{name: name, args: args, raw: raw}
	return true
}

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
		return fmt.Errorf("the server sent a response of more than %d tokens, beginning %q", maxTokens, head(r.memory))
	}
	if size, ok := r.literalSize(); ok {
		return r.literal(size, depth, mark)
	}
	switch r.line[r.pos] {
	case '(':
		if depth == maxDepth {
			return fmt.Errorf("the server sent lists nested deeper than %d, beginning %q", maxDepth, head(r.memory))
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

// literalSize recognises "{n}", "{n+}" and "~{n}" at the end of the line. Braces elsewhere are characters of an atom.
func (r *reader) literalSize() (int64, bool) {
	rest := bytes.TrimPrefix(r.line[r.pos:], []byte("~"))
	if r.inCode || len(rest) < 3 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return 0, false
	}
	size, ok := parseNumber(bytes.TrimSuffix(rest[1:len(rest)-1], []byte("+")))
	return int64(size), ok && int64(size) >= 0
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
		return fmt.Errorf("the server sent a literal of %d bytes in a %s response; more than %d are not taken", size, r.resp.name, maxLiteral)
	}
	if err != nil {
		return err
	}
	return r.nextLine()
}

func (r *reader) hold(size int) error {
	start := len(r.memory)
	if start+size > maxResponse {
		return fmt.Errorf("the server sent a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
	}
	r.memory = append(r.memory, make([]byte, size)...)
	text := r.memory[start:]
	r.push(node{kind: stringKind, text: text})
	_, err := io.ReadFull(r.br, text)
	return midway(err, true)
}

func (r *reader) skip(size int64) error {
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
		return 0, io.EOF
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
	return written, l.err
}

// isSearch recognises a SEARCH response by its first bytes. (ESEARCH, which is short, is read like any other.)
func isSearch(line []byte) bool {
	const prefix = "* SEARCH"
	if len(line) < len(prefix)+1 || !equalFold(line[:len(prefix)], prefix) {
		return false
	}
	next := line[len(prefix)]
	return next == ' ' || next == '\r' || next == '\n'
}

// search reads the numbers of a SEARCH response as they come: a mailbox of a million gives a line of eight megabytes.
// What is no number (RFC 7162's "(MODSEQ 917162500)" at the end) ends the set.
func (r *reader) search(piece []byte, err error) error {
	r.resp.tag, r.resp.name = "*", "SEARCH"
	piece = piece[len("* SEARCH"):]
	var number uint64
	var digits, ended bool
	for {
		for _, c := range piece {
			switch {
			case ended:
			case '0' <= c && c <= '9':
				number = min(number*10+uint64(c-'0'), 1<<33) // far above any UID, far below an overflow
				digits = true
			default:
				if digits {
					r.found(number)
				}
				number, digits = 0, false
				ended = c != ' ' && c != '\r' && c != '\n'
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return midway(err, true)
		}
		piece, err = r.br.ReadSlice('\n')
	}
}

// found adds a number to the answer of a SEARCH, where it can be a UID.
func (r *reader) found(number uint64) {
	if uid, ok := asUID(number); ok {
		r.resp.found.Add(uid)
	}
}

// asUID checks that a number can be a UID: 32 bits, and not 0 (RFC 9051 section 2.3.1.1).
func asUID(number uint64) (mail.UID, bool) {
	return mail.UID(number), number > 0 && number <= math.MaxUint32
}

// word takes the next run of bytes that are not blanks.
func (r *reader) word() []byte {
	r.skipBlanks()
	start := r.pos
	for r.pos < len(r.line) && r.line[r.pos] != ' ' {
		r.pos++
	}
	return r.line[start:r.pos]
}

func (r *reader) skipBlanks() {
	for r.pos < len(r.line) && r.line[r.pos] == ' ' {
		r.pos++
	}
}

func (r *reader) rest() string {
	r.skipBlanks()
	text := string(r.line[r.pos:])
	r.pos = len(r.line)
	return text
}

// head is the beginning of a response, enough to recognise it in an error.
func head(b []byte) []byte { return b[:min(len(b), 60)] }

// upperName gives a name in upper case; the frequent ones cost nothing.
func upperName(word []byte) string {
	switch {
	case equalFold(word, "FETCH"):
		return "FETCH"
	case equalFold(word, "OK"):
		return "OK"
	}
	return strings.ToUpper(string(word))
}
