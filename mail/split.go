package mail

import (
	"bytes"
	"io"
)

// These constants are part of the durable format.
const (
	// MaxHeader is the size of the largest Header part. A message of at least this size whose first
	// MaxHeader bytes have no empty line has no Header.
	MaxHeader = 256 << 10
	// MinRun is the smallest size of a run of base64 lines that becomes a part, in bytes of the
	// message, including line endings.
	MinRun = 1 << 10
	// MaxRuns is the largest number of Base64 parts of a message. The rest of the message is Text.
	MaxRuns = 256
	// MaxLineLength is the largest number of characters of a line of a run: the largest multiple of
	// 4 below the limit of 998 in RFC 5322 section 2.1.1.
	MaxLineLength = 996
	// MaxParts is the largest number of parts: a Header, and MaxRuns runs with Text around each.
	MaxParts = 1 + MaxRuns + (MaxRuns + 1)
)

// PartKind is the kind of a part. The values are part of the durable format.
type PartKind uint8

const (
	HeaderPart PartKind = 1 // the bytes of the message
	TextPart   PartKind = 2 // the bytes of the message
	Base64Part PartKind = 3 // the decoded bytes; the Recipe says how to encode them
)

// String returns the name of the kind in docs/format.md.
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
	// bufferSize bounds the bytes of a message that a Splitter holds, except for a longer header.
	bufferSize = 64 << 10
	// lookahead is enough to decide at the start of a line whether a run begins or continues there:
	// it is more than MinRun and one line of MaxLineLength.
	lookahead = 2 << 10
	// decodedSize bounds the bytes that are decoded ahead of the reader of a part.
	decodedSize = 16 << 10
	// maxIdleReads is how many reads in a row may return neither bytes nor an error.
	maxIdleReads = 100
)

// Splitter splits messages into parts, one message after the other. Each part is read before the
// next, as with tar.Reader:
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
// It holds about 92 KiB for a message of any size (up to 284 KiB after a very long header) and
// allocates nothing for a part. It is not safe for concurrent use. [Joiner] inverts it.
type Splitter struct {
	src io.Reader
	end error // the error after the last byte of src, often io.EOF; nil: there may be more

	buf  []byte
	r, w int // buf[r:w] is read from src and not yet assigned to a part

	part    Part
	ready   []byte // the next bytes of the part, in buf or in decoded
	done    bool   // the part has no more bytes than those that are ready
	begun   bool   // the header has been searched for
	midLine bool   // buf[r] is within a line that began as text
	runs    int    // Base64 parts so far
	decoded [decodedSize]byte
	lines   lineCodec
}

// Part is one part of a message, valid until the next call of Next.
type Part struct {
	kind   PartKind
	recipe Recipe
	s      *Splitter
}

// NewSplitter returns a Splitter for the message in r.
func NewSplitter(r io.Reader) *Splitter {
	s := &Splitter{buf: make([]byte, bufferSize)}
	s.Reset(r)
	return s
}

// Reset makes the Splitter begin the message in r.
func (s *Splitter) Reset(r io.Reader) {
	s.src, s.end = r, nil
	s.r, s.w = 0, 0
	s.part, s.ready, s.done = Part{s: s}, nil, true
	s.begun, s.midLine, s.runs = false, false, 0
}

// Next returns the next part. It skips the rest of the current one. At the end of the message it
// returns io.EOF. Any other error is that of the reader.
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

// Kind returns the kind of the part.
func (p *Part) Kind() PartKind { return p.kind }

// Recipe returns how a Base64 part is written in the message. It is valid after Read has returned
// io.EOF. Other kinds have the zero Recipe.
func (p *Part) Recipe() Recipe { return p.recipe }

// Read reads the bytes of the part: the decoded ones of a Base64 part, else those of the message.
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

// advance makes more bytes of the current part ready, or sets done.
func (s *Splitter) advance() error {
	if s.part.kind == Base64Part {
		return s.decode()
	}
	return s.scanText()
}

// giveText makes the next n bytes of the message ready, unchanged.
func (s *Splitter) giveText(n int) {
	s.ready = s.buf[s.r : s.r+n]
	s.r += n
}

// scanText makes the buffered text ready, up to the next run.
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

// decidable reports whether enough bytes after the offset from are buffered to decide as with the
// whole message.
func (s *Splitter) decidable(from int) bool {
	return s.end != nil || s.w-s.r-from >= lookahead
}

// runAt looks for a run at an offset in the buffered bytes. If there is none, the recipe is zero
// and the next skip bytes are text.
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

// lineSize returns the size of the first line of b, including its ending, or the size of b if the
// line does not end in b.
func lineSize(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// need buffers at least n bytes, or all that are left. It may move bytes, so it is called only when
// none are ready.
func (s *Splitter) need(n int) error {
	if s.w-s.r < n && s.end == nil {
		s.refill(n)
	}
	if s.end != nil && s.end != io.EOF {
		return s.end
	}
	return nil
}

// refill moves the buffered bytes to the front, of a larger buffer if n needs one, and reads until
// n bytes are buffered.
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
