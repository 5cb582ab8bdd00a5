package mail

import (
	"bytes"
	"io"
)

// A message is split so that equal content meets equal content: headers are
// put beside headers, text beside text, and what travels as base64 is stored
// decoded. The split is lossless for every sequence of bytes, mail or not, and
// needs no MIME parser; so malformed mail is no special case.
//
//	message = [ Header ] { Text | Base64 }
//
//	Header  up to and including the first empty line          header.go
//	Base64  a run of base64 lines, decoded, with its Recipe   base64.go
//	Text    everything else, as it is
//
// No part is empty, two Text parts are never neighbours, and the parts depend on
// the message only, not on how a reader delivers it.

// These constants are part of the durable format.
const (
	// MaxHeader is the size of the largest Header part. In a message of this
	// size or more that has no empty line so early, all is body.
	MaxHeader = 256 << 10
	// MinRun is the size in the message, line endings included, from which a
	// run of base64 lines is worth a part of its own.
	MinRun = 1 << 10
	// MaxRuns is the number of Base64 parts of a message; after them all is Text.
	MaxRuns = 256
	// MaxLineLength is the number of characters of the longest line of a run:
	// RFC 5322 section 2.1.1 ends lines at 998, the next multiple of 4 is below.
	MaxLineLength = 996
	// MaxParts follows: a Header, and MaxRuns runs with Text around each.
	MaxParts = 1 + MaxRuns + (MaxRuns + 1)
)

// PartKind tells what a part is. The values are part of the durable format.
type PartKind uint8

const (
	HeaderPart PartKind = 1 // the bytes as they are
	TextPart   PartKind = 2 // the bytes as they are
	Base64Part PartKind = 3 // the decoded bytes; a Recipe gives back the lines
)

// String names the kind as docs/format.md does.
func (k PartKind) String() string {
	switch k {
	case HeaderPart:
		return "header"
	case TextPart:
		return "text"
	case Base64Part:
		return "base64"
	}
	return "unknown"
}

const (
	// bufferSize bounds what a Splitter holds of a message, but for a header
	// that is longer.
	bufferSize = 64 << 10
	// lookahead suffices to decide at the start of any line whether a run
	// begins or goes on there: MinRun and one line of the longest more.
	lookahead = 2 << 10
	// decodedSize bounds what is decoded ahead of the reader of a part.
	decodedSize = 16 << 10
	// maxIdleReads is how often a reader may give neither bytes nor an error.
	maxIdleReads = 100
)

// Splitter splits one message after the other into parts, each read before the
// next, as tar.Reader does:
//
//	s := mail.NewSplitter(r)
//	for {
//		part, err := s.Next()
//		if err == io.EOF {
//			break
//		}
//		... read part to its end ...
//		recipe := part.Recipe()
//	}
//
// It holds some 80 KiB, whatever the size of the message (up to 272 KiB after a
// very long header), and allocates nothing for a part. It is not safe for
// concurrent use. [Joiner] inverts it.
type Splitter struct {
	src io.Reader
	end error // why src gave its last byte: io.EOF, or what broke

	buf  []byte
	r, w int // buf[r:w] is read from src and not yet part of any part

	part    Part
	ready   []byte // bytes of the part to be read, in buf or in decoded
	done    bool   // the part has no bytes but those that are ready
	begun   bool   // the header is behind us
	midLine bool   // buf[r] lies within a line that began as text
	runs    int    // Base64 parts so far
	decoded [decodedSize]byte
}

// Part is one part of a message, valid until the next call of Next.
type Part struct {
	kind   PartKind
	recipe Recipe
	s      *Splitter
}

// NewSplitter returns a Splitter for the message that r delivers.
func NewSplitter(r io.Reader) *Splitter {
	s := &Splitter{buf: make([]byte, bufferSize)}
	s.Reset(r)
	return s
}

// Reset makes the Splitter start with the message that r delivers.
func (s *Splitter) Reset(r io.Reader) {
	s.src, s.end = r, nil
	s.r, s.w = 0, 0
	s.part, s.ready, s.done = Part{s: s}, nil, true
	s.begun, s.midLine, s.runs = false, false, 0
}

// Next goes on to the next part, past what was not read of the current one. At
// the end of the message it returns io.EOF. Any other error is the reader's.
func (s *Splitter) Next() (*Part, error) {
	if err := s.skipPart(); err != nil {
		return nil, err
	}
	if !s.begun {
		s.begun = true
		size, err := s.findHeader()
		if err != nil {
			return nil, err
		}
		if size > 0 {
			s.startPart(HeaderPart, Recipe{})
			s.giveText(size)
			s.done = true
			return &s.part, nil
		}
	}
	if err := s.need(lookahead); err != nil {
		return nil, err
	}
	if s.r == s.w {
		return nil, io.EOF
	}
	if recipe, _ := s.runAt(0); recipe.LineLength > 0 {
		s.runs++
		s.startPart(Base64Part, recipe)
	} else {
		s.startPart(TextPart, Recipe{})
	}
	return &s.part, nil
}

func (s *Splitter) skipPart() error {
	for s.ready = nil; !s.done; s.ready = nil {
		if err := s.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Splitter) startPart(kind PartKind, recipe Recipe) {
	s.part = Part{kind: kind, recipe: recipe, s: s}
	s.done = false
}

// Kind tells what the part is.
func (p *Part) Kind() PartKind { return p.kind }

// Recipe tells how a Base64 part is written in the message. It is known once
// Read has returned io.EOF, and zero for the other kinds.
func (p *Part) Recipe() Recipe { return p.recipe }

// Read reads the bytes of the part: those of the message, or, in a Base64
// part, the decoded ones.
func (p *Part) Read(b []byte) (int, error) {
	s := p.s
	if len(b) == 0 {
		return 0, nil
	}
	for len(s.ready) == 0 {
		if s.done {
			return 0, io.EOF
		}
		if err := s.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// advance makes more bytes of the current part ready, or finds that it is done.
func (s *Splitter) advance() error {
	if s.part.kind == Base64Part {
		return s.decode()
	}
	return s.scanText()
}

// giveText makes the next n bytes of the message ready as they are.
func (s *Splitter) giveText(n int) {
	s.ready = s.buf[s.r : s.r+n]
	s.r += n
}

// scanText makes as much text ready as the buffer holds, up to the next run.
func (s *Splitter) scanText() error {
	if err := s.need(lookahead); err != nil {
		return err
	}
	text := 0
	for s.decidable(text) {
		if s.r+text == s.w {
			s.done = true
			break
		}
		recipe, skip := s.runAt(text)
		if recipe.LineLength > 0 {
			s.done = true
			break
		}
		text += skip
		s.midLine = s.buf[s.r+text-1] != '\n'
	}
	s.giveText(text)
	return nil
}

// decidable reports whether the buffer holds enough past offset from for the
// decision there to be the same as with the whole message at hand.
func (s *Splitter) decidable(from int) bool {
	return s.end != nil || s.w-s.r-from >= lookahead
}

// runAt looks for a run at an offset of what is buffered. If there is none the
// recipe is zero, and the next skip bytes are text, as far as they are buffered.
func (s *Splitter) runAt(from int) (recipe Recipe, skip int) {
	b := s.buf[s.r+from : s.w]
	switch {
	case s.runs == MaxRuns:
		return Recipe{}, len(b)
	case s.midLine:
		return Recipe{}, lineSize(b)
	}
	return findRun(b, s.end != nil)
}

// lineSize returns the size of the first line of b, its ending included, or of
// b if that line does not end in it.
func lineSize(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// need has at least n bytes buffered, or all that are left. Bytes that are ready
// may move: it is called when there are none.
func (s *Splitter) need(n int) error {
	if s.w-s.r < n && s.end == nil {
		s.refill(n)
	}
	if s.end != nil && s.end != io.EOF {
		return s.end
	}
	return nil
}

// refill moves what is buffered to the front, in a larger buffer if n asks for
// it, and reads until n bytes are there.
func (s *Splitter) refill(n int) {
	to := s.buf
	if n > len(to) {
		to = make([]byte, n)
	}
	s.w = copy(to, s.buf[s.r:s.w])
	s.buf, s.r = to, 0
	for idle := 0; s.w < n && s.end == nil; idle++ {
		m, err := s.src.Read(s.buf[s.w:])
		s.w += m
		s.end = err
		if m > 0 {
			idle = 0
		} else if err == nil && idle == maxIdleReads {
			s.end = io.ErrNoProgress
		}
	}
}
