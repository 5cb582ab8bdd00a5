package mbox

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"time"

	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/mail"
)

// Message is what an mbox has of a message besides its text.
type Message struct {
	From    string     // the From line, without LF; FromLine(Arrived) if it is not a From line
	Arrived time.Time  // INTERNALDATE
	Flags   mail.Flags // written as fields of the header
	Fields  string     // Head.Fields of the message as it was in an mbox: written if they say Flags
	Own     bool       // the header has the flags already, as it was in an mbox: no fields are added
	LF      bool       // write LF for CRLF. Set it only if every line ends in CRLF (lineend.CRLF)
	Ends    string     // if not empty, write LF for CRLF in these lines only (lineend.Cursor), whatever LF says
}

// Result says what an mbox could not keep of a message.
type Result struct {
	Lost       []string // flags
	Terminated bool     // a line end was added at the end of the message
}

// Writer writes messages to an mbox.
type Writer struct {
	out *bufio.Writer
}

// NewWriter returns a Writer that appends to w.
func NewWriter(w io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(w, 64<<10)} }

// Write writes a message. body writes its text, as archived; an error of body is returned as it is,
// and leaves a part of the message in the mbox.
func (w *Writer) Write(m *Message, body func(io.Writer) error) (Result, error) {
	from := m.From
	if !usable(from) { // a damaged record must not begin another message, or end this one
		from = FromLine(m.Arrived)
	}
	t := text{out: w.out, m: m, newline: "\n", header: true, start: true}
	if m.Ends != "" {
		t.ends = lineend.NewCursor(m.Ends)
	}
	if list, ok := fieldRuns(m.Fields); ok && flagsOf(list).Flags.Equal(m.Flags) {
		t.runs, t.kept = list, true
	}
	if from[len(from)-1] == '\r' {
		t.newline = "\r\n"
	}
	t.put(from + "\n")
	if err := body(&t); err != nil {
		return Result{}, err
	}
	t.close()
	return t.result, t.err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.out.Flush() }

// text writes the text of one message: it quotes lines, changes line ends, and adds the fields of
// flags to the header. It holds back only what may be the beginning of a line end or of "From ".
type text struct {
	out     *bufio.Writer
	m       *Message
	ends    *lineend.Cursor
	newline string // of the lines that are added
	err     error
	result  Result

	start  bool // at the beginning of a line
	empty  bool // nothing but CRs was written since the beginning of the line
	quotes bool // nothing but ">", and then from bytes of "From ", since the beginning of the line
	from   int
	crs    int64 // CRs that are held back

	header bool   // in the header
	lines  uint64 // of the header, that are written
	runs   []fieldRun
	kept   bool   // the fields are those that the message had in its mbox
	own    bool   // the header has fields of flags
	name   []byte // the beginning of the line of the header
}

const fromWord = "From "

func (t *text) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && t.err == nil {
		if t.start {
			t.place(t.lines)
			t.start, t.empty, t.quotes, t.from, t.name = false, true, true, 0, t.name[:0]
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			t.piece(p)
			break
		}
		t.piece(p[:end])
		t.endLine()
		p = p[end+1:]
	}
	return n, t.err
}

// piece writes a part of a line.
func (t *text) piece(p []byte) {
	kept := bytes.TrimRight(p, "\r")
	crs := int64(len(p) - len(kept))
	if len(kept) > 0 {
		t.releaseCRs()
		if t.empty = false; t.header && len(t.name) < len("X-Keywords:") {
			t.name = append(t.name, kept[:min(len(kept), len("X-Keywords:"))]...)
		}
		if t.quotes {
			kept = t.quote(kept)
		}
		t.putBytes(kept)
	}
	t.crs += crs
}

// quote writes the beginning of a line as long as it may have to be quoted, and returns the rest.
func (t *text) quote(p []byte) []byte {
	for len(p) > 0 && t.quotes {
		switch {
		case t.from == 0 && p[0] == '>':
			t.put(">")
		case p[0] == fromWord[t.from]:
			t.from++
		default:
			t.releaseFrom()
			return p
		}
		p = p[1:]
		if t.from == len(fromWord) {
			t.put(">") // it does not matter before or after which of the others
			t.releaseFrom()
		}
	}
	return p
}

// releaseFrom writes what was held back of "From ". The line needs no other quote.
func (t *text) releaseFrom() {
	t.quotes = false
	t.put(fromWord[:t.from])
	t.from = 0
}

func (t *text) releaseCRs() {
	if t.crs > 0 && t.quotes {
		t.releaseFrom()
	}
	for ; t.crs > 0; t.crs-- {
		t.put("\r")
	}
}

func (t *text) endLine() {
	if t.quotes {
		t.releaseFrom()
	}
	t.lines++
	switch {
	case !t.header:
	case t.empty && t.crs <= 1:
		t.endHeader()
	case isStatusField(t.name):
		t.own = true
	}
	lf := t.m.LF
	if t.ends != nil {
		lf = t.ends.Bare()
	}
	if lf && t.crs > 0 {
		t.crs--
	}
	t.releaseCRs()
	t.put("\n")
	t.start = true
}

// place writes the fields that were before a line of the header.
func (t *text) place(line uint64) {
	for t.header && len(t.runs) > 0 && t.runs[0].line <= line {
		t.put(t.runs[0].fields)
		t.runs = t.runs[1:]
	}
}

// endHeader writes the fields of the flags.
func (t *text) endHeader() {
	t.header = false
	if t.m.Own || t.kept {
		return
	}
	fields, lost := statusFields(t.m.Flags, t.own, t.newline)
	t.put(fields)
	t.result.Lost = lost
}

// close ends the message with an empty line.
func (t *text) close() {
	if !t.start {
		t.result.Terminated = true
		if t.quotes {
			t.releaseFrom()
		}
		switch {
		case t.header && t.empty && t.crs == 1: // it becomes an empty line
			t.endHeader()
		case t.header && isStatusField(t.name):
			t.own = true
		}
		t.releaseCRs()
		t.put(t.newline)
	}
	if t.header {
		t.place(math.MaxUint64)
		t.endHeader()
	}
	t.put(t.newline)
}

func (t *text) put(s string) {
	if t.err == nil && s != "" {
		_, t.err = t.out.WriteString(s)
	}
}

func (t *text) putBytes(p []byte) {
	if t.err == nil && len(p) > 0 {
		_, t.err = t.out.Write(p)
	}
}
