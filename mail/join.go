package mail

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// Joiner writes a message from its parts. It inverts [Splitter]. The bytes of a part may come in
// any pieces:
//
//	j := mail.NewJoiner(w)
//	for each part {
//		j.Begin(kind, recipe)
//		j.Write(chunk), for each chunk
//	}
//	j.Close()
//
// After an error, every later call returns the same error. A Joiner is not safe for concurrent use.
type Joiner struct {
	w      io.Writer
	begun  bool
	kind   PartKind // of the open part; 0: none is open
	recipe Recipe   // of the open part, or of the one before
	err    error

	line  []byte // decoded bytes that do not fill a line yet
	owed  bool   // the last encoded line has no ending yet: the last line of a part may have none
	text  []byte // encoded lines not yet written
	lines lineCodec
}

// encodedSize is the size from which encoded text is written out.
const encodedSize = 16 << 10

// ErrJoin is the error for a sequence of parts that a Splitter never returns.
var ErrJoin = errors.New("impossible sequence of parts")

// NewJoiner returns a Joiner that writes a message to w.
func NewJoiner(w io.Writer) *Joiner {
	j := new(Joiner)
	j.Reset(w)
	return j
}

// Reset makes the Joiner begin a new message, which it writes to w.
func (j *Joiner) Reset(w io.Writer) {
	j.w, j.begun, j.kind, j.recipe, j.err = w, false, 0, Recipe{}, nil
	j.line, j.owed, j.text = j.line[:0], false, j.text[:0]
}

// Begin ends the current part, if any, and begins the next one. It checks the recipe, because
// recipes come from storage.
func (j *Joiner) Begin(kind PartKind, recipe Recipe) error {
	if j.endPart() != nil {
		return j.err
	}
	switch {
	case j.recipe.Unterminated:
		return j.fail(fmt.Errorf("%w: a %v part after a line without an ending", ErrJoin, kind))
	case kind == HeaderPart && j.begun:
		return j.fail(fmt.Errorf("%w: a header that is not the first part", ErrJoin))
	case kind == HeaderPart, kind == TextPart:
		if recipe != (Recipe{}) {
			return j.fail(fmt.Errorf("%v part: %w", kind, ErrRecipe))
		}
	case kind == Base64Part:
		if err := recipe.Check(); err != nil {
			return j.fail(fmt.Errorf("%v part, lines of %d: %w", kind, recipe.LineLength, err))
		}
	default:
		return j.fail(fmt.Errorf("%w: a part of kind %d", ErrJoin, kind))
	}
	j.begun, j.kind, j.recipe = true, kind, recipe
	return nil
}

// Write adds bytes to the current part.
func (j *Joiner) Write(b []byte) (int, error) {
	switch {
	case j.err != nil:
	case j.kind == Base64Part:
		j.encode(b)
	case j.kind != 0:
		j.put(b)
	default:
		j.fail(fmt.Errorf("%w: bytes outside a part", ErrJoin))
	}
	if j.err != nil {
		return 0, j.err
	}
	return len(b), nil
}

// Close ends the last part. It does not close the writer.
func (j *Joiner) Close() error { return j.endPart() }

func (j *Joiner) endPart() error {
	if j.err == nil && j.kind == Base64Part {
		j.endRun()
	}
	j.kind = 0
	return j.err
}

// encode encodes the lines that b completes, and keeps the rest.
func (j *Joiner) encode(b []byte) {
	size := j.recipe.decodedLine()
	if len(j.line) > 0 {
		n := min(size-len(j.line), len(b))
		j.line, b = append(j.line, b[:n]...), b[n:]
		if len(j.line) < size {
			return
		}
		j.encodeLine(j.line)
		j.line = j.line[:0]
	}
	for len(b) >= size {
		var n int
		j.text, n = j.lines.encode(j.text, b, j.recipe, j.owed)
		b, j.owed = b[n:], true
		if len(j.text) >= encodedSize {
			j.flush()
		}
	}
	j.line = append(j.line, b...)
}

func (j *Joiner) encodeLine(b []byte) {
	if j.owed {
		j.text = append(j.text, j.recipe.lineEnding()...)
	}
	j.text = base64.StdEncoding.AppendEncode(j.text, b)
	j.owed = true
	if len(j.text) >= encodedSize {
		j.flush()
	}
}

// endRun encodes the last line and writes out the text.
func (j *Joiner) endRun() {
	if len(j.line) > 0 {
		j.encodeLine(j.line)
		j.line = j.line[:0]
	}
	if !j.owed {
		j.fail(fmt.Errorf("%w: a base64 part without bytes", ErrJoin))
		return
	}
	if !j.recipe.Unterminated {
		j.text = append(j.text, j.recipe.lineEnding()...)
	}
	j.owed = false
	j.flush()
}

func (j *Joiner) flush() {
	j.put(j.text)
	j.text = j.text[:0]
}

func (j *Joiner) put(b []byte) {
	if j.err != nil {
		return
	}
	if _, err := j.w.Write(b); err != nil {
		j.fail(err)
	}
}

func (j *Joiner) fail(err error) error {
	if j.err == nil {
		j.err = err
	}
	return j.err
}
