package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// Response is one response of the server. It is valid until the next one is read.
type Response struct {
	Tag    string       // "*" untagged, "+" go on, or the tag of a command
	Number uint64       // of "* 23 EXISTS" and "* 23 FETCH (...)"
	Name   string       // in upper case: FETCH, LIST, OK, NO, BYE…
	Args   []Node       // of data
	Code   Code         // of a status, if it has one
	Text   string       // of a status or a continuation; of a set, its beginning
	UIDs   UIDCollector // of SEARCH, ESEARCH and VANISHED
	HasSet bool         // of ESEARCH and VANISHED: UIDs is its set, and Args are what precedes it
	BadSet bool         // the set cannot be read whole

	Size      int   // bytes of it, without bodies that the sink read
	Discarded int64 // bytes of bodies that the sink did not read
}

// Code is a response code, in brackets before the text of a status: [UIDNEXT 4392].
type Code struct {
	Name string // in upper case; "" if there is none
	Args []Node
	Raw  string // the arguments as they came
}

// BodyLiteral is a body that arrives. The sink reads Content; the Reader discards what the sink
// leaves.
type BodyLiteral struct {
	seq     uint64
	Before  []Node // the attributes that came before it in the same response, usually with the UID
	Name    string // BODY[], BINARY[1], RFC822...
	Size    int64
	Content *LiteralReader
}

// Reader reads responses. It accepts whatever can be understood: a bare LF, too many blanks, 8-bit
// bytes in quotes, brackets in keywords, lists that are not closed. It fails only if the stream
// cannot be followed, or needs more memory than the limits allow.
type Reader struct {
	Input *bufio.Reader
	Sink  func(*BodyLiteral) error // reads body literals; nil discards them
	Trace func(line []byte)        // called with every line; may be nil

	resp   Response
	memory []byte // all text of the response
	nodes  []Node // all closed lists of the response
	stack  []Node // the children so far of the lists that are open
	tokens int

	line   []byte // the physical line being scanned, without its end
	pos    int
	inCode bool // scanning a response code: "]" ends it, and literals cannot occur
}

// NewReader returns a Reader of the responses of a server.
func NewReader(src io.Reader) *Reader {
	return &Reader{Input: bufio.NewReaderSize(src, 128<<10)}
}

// Next reads one whole response, and gives body literals to the sink on the way.
func (r *Reader) Next() (*Response, error) {
	r.reset()
	if err := r.nextLine(); err != nil {
		return nil, err
	}
	tag := r.word()
	switch string(tag) {
	case "*":
		r.resp.Tag = "*"
		return &r.resp, r.untagged()
	case "+":
		r.resp.Tag = "+"
		r.resp.Text = r.rest()
		return &r.resp, nil
	}
	r.resp.Tag = string(tag)
	r.resp.Name = upperName(r.word())
	r.status()
	return &r.resp, nil
}

func (r *Reader) reset() {
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
	r.resp = Response{}
}

// nextLine reads the next physical line: a whole response, or what follows a literal. If the first
// line of a response has a set of UIDs, the set is parsed as it comes, because the line may be
// longer than maxResponse.
func (r *Reader) nextLine() error {
	start := len(r.memory)
	for {
		piece, err := r.Input.ReadSlice('\n')
		if at := setStart(piece); start == 0 && len(r.memory) == 0 && at > 0 {
			return r.readSet(piece, at, err)
		}
		if len(r.memory)+len(piece) > maxResponse {
			return Flood("a response of more than %d bytes, beginning %q", maxResponse, head(r.memory))
		}
		r.memory = append(r.memory, piece...)
		r.resp.Size += len(piece)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return unexpectedEOF(err, start > 0 || len(r.memory) > 0)
		}
		break
	}
	r.line = trimEnd(r.memory[start:])
	r.pos = 0
	if r.Trace != nil {
		r.Trace(r.line)
	}
	return nil
}

// errCut means that the connection ended within a response. It is io.ErrUnexpectedEOF.
var errCut = fmt.Errorf("the server closed the connection within an answer (%w)", io.ErrUnexpectedEOF)

// unexpectedEOF returns errCut if the connection ends within a response.
func unexpectedEOF(err error, within bool) error {
	if err == io.EOF && within {
		return errCut
	}
	return err
}

// trimEnd removes the line end: CRLF, or the bare LF that some servers send.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// untagged reads "* 23 FETCH (...)", "* LIST ...", "* OK [...] ...".
func (r *Reader) untagged() error {
	word := r.word()
	if n, ok := parseNumber(word); ok {
		r.resp.Number = n
		word = r.word()
	}
	r.resp.Name = upperName(word)
	switch r.resp.Name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		r.status()
		return nil
	}
	args, _, err := r.list(0)
	r.resp.Args = args
	return err
}

// status reads the rest of a status response: a response code, if there is one, and text (RFC 9051
// section 7.1).
func (r *Reader) status() {
	r.skipBlanks()
	start := r.pos
	if start < len(r.line) && r.line[start] == '[' && !r.readCode() {
		r.pos, r.resp.Code = start, Code{} // brackets that belong to the text
	}
	r.resp.Text = r.rest()
}

func (r *Reader) readCode() bool {
	r.pos++
	begin := r.pos
	for r.pos < len(r.line) && r.line[r.pos] != ' ' && r.line[r.pos] != ']' {
		r.pos++
	}
	name := upperName(r.line[begin:r.pos])
	begin = r.pos
	r.inCode = true
	args, _, err := r.list(0)
	r.inCode = false
	closed := r.pos > 0 && r.line[r.pos-1] == ']'
	if err != nil || !closed || name == "" {
		return false
	}
	raw := strings.TrimSpace(string(r.line[begin : r.pos-1]))
	r.resp.Code = Code{Name: name, Args: args, Raw: raw}
	return true
}

// word returns the next run of bytes that are not blanks.
func (r *Reader) word() []byte {
	r.skipBlanks()
	start := r.pos
	for r.pos < len(r.line) && r.line[r.pos] != ' ' {
		r.pos++
	}
	return r.line[start:r.pos]
}

func (r *Reader) skipBlanks() {
	for r.pos < len(r.line) && r.line[r.pos] == ' ' {
		r.pos++
	}
}

func (r *Reader) rest() string {
	r.skipBlanks()
	text := string(r.line[r.pos:])
	r.pos = len(r.line)
	return text
}

// Head returns the beginning of the response that was read last, for errors. It may be of a
// message: a server that is out of step sends messages where responses should be.
func (r *Reader) Head() string { return printable.Text(string(trimEnd(head(r.memory)))) }

// head returns the beginning of a response, enough to recognize it in an error.
func head(b []byte) []byte { return b[:min(len(b), 60)] }

// upperName returns a name in upper case. It does not allocate for the frequent ones.
func upperName(word []byte) string {
	switch {
	case EqualFold(word, "FETCH"):
		return "FETCH"
	case EqualFold(word, "OK"):
		return "OK"
	}
	return strings.ToUpper(string(word))
}
