package imap

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// response is one response of the server. Everything in it lives until the next is read.
type response struct {
	tag    string       // "*" untagged, "+" go on, or the tag of a command
	number uint64       // of "* 23 EXISTS" and "* 23 FETCH (...)"
	name   string       // in upper case: FETCH, LIST, OK, NO, BYE...
	args   []node       // of data
	code   code         // of a status, where it has one
	text   string       // of a status or a continuation
	found  uidCollector // of SEARCH, ESEARCH and VANISHED
	hasSet bool         // ESEARCH, VANISHED: found is its set, and args are what stands before it
	badSet bool         // which cannot be read whole

	size   int   // bytes of it, without bodies that somebody took
	passed int64 // bytes of bodies that nobody took
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
		if at := setBegins(piece); start == 0 && len(r.memory) == 0 && at > 0 {
			return r.sets(piece, at, err)
		}
		if len(r.memory)+len(piece) > maxResponse {
			return flood("a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
		}
		r.memory = append(r.memory, piece...)
		r.resp.size += len(piece)
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
