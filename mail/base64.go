package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// A run is what a program that encodes an attachment writes:
//
//	full line    LineLength characters, line ending        once or more
//	last line    4 to LineLength characters, line ending   or none at all
//
//	full line    of A-Z a-z 0-9 + / only; LineLength is a multiple of 4, from 4
//	             to MaxLineLength, and the same in all of them
//	line ending  LF, or CRLF, the same in all lines
//	last line    a multiple of 4 characters of which the last one or two may be
//	             "=", and then the bits that encode nothing are 0; it has fewer
//	             than LineLength characters, or a "=", or no line ending, which
//	             only the end of the message excuses
//
// A run begins at the beginning of a line, goes as far as it can, and has at
// least MinRun bytes. Runs are looked for from the first line of the body on;
// where none begins, the line is text. So these are no lines of a run: one with
// a stray CR, a blank, or a NUL in it; one with another line ending; a longer
// one; one with "=" in its middle. They end a run, or keep one from beginning.
// After a last line the run is over, though the next line may begin another one.
//
// Decoding and encoding again gives the very bytes of such a run, and of nothing
// else: what is not canonical stays text.

// Recipe tells how the bytes of a Base64 part are written in the message: encode
// them by RFC 4648 section 4, with padding, in lines of LineLength characters,
// of which the last one may be shorter. Legal are all values whose LineLength is
// a multiple of 4 from 4 to MaxLineLength; the other kinds of part have the zero
// Recipe.
type Recipe struct {
	LineLength   uint16 // characters of a full line, without its ending
	CRLF         bool   // lines end in CRLF, else in LF
	Unterminated bool   // the last line has no line ending: the message ends with it
}

// ErrRecipe is returned for a recipe that Split never gives.
var ErrRecipe = errors.New("impossible recipe for base64 lines")

// Check returns ErrRecipe unless the recipe is one of a Base64 part.
func (r Recipe) Check() error {
	if r.LineLength == 0 || r.LineLength > MaxLineLength || r.LineLength%4 != 0 {
		return ErrRecipe
	}
	return nil
}

// lineEnding returns what ends a line.
func (r Recipe) lineEnding() string {
	if r.CRLF {
		return "\r\n"
	}
	return "\n"
}

// fullLine returns the size of a full line with its ending.
func (r Recipe) fullLine() int { return int(r.LineLength) + len(r.lineEnding()) }

// decodedLine returns how many bytes a full line encodes.
func (r Recipe) decodedLine() int { return int(r.LineLength) / 4 * 3 }

// strict also wants the bits to be 0 that encode nothing.
var strict = base64.StdEncoding.Strict()

// findRun looks for a run at the beginning of b, a line's beginning. It sees all
// that is left of the message, or at least lookahead bytes of it. Without a run
// it returns the zero Recipe and the size of the lines in which none begins.
func findRun(b []byte, isAll bool) (recipe Recipe, skip int) {
	size := lineSize(b)
	recipe, ok := recipeOf(b[:size])
	if !ok {
		return Recipe{}, size
	}
	var decoded [MaxLineLength / 4 * 3]byte
	run := size
	for run < MinRun && recipe.decodeFullLine(decoded[:], b[run:]) {
		run += size
	}
	full := run
	if run < MinRun {
		_, last := recipe.decodeLastLine(decoded[:], b[run:], isAll)
		run += last
	}
	if run < MinRun {
		// A run that began at a later one of these lines would end at the same
		// place, and be shorter still.
		return Recipe{}, full
	}
	return recipe, 0
}

// recipeOf returns the recipe of the runs of which the line can be the first.
func recipeOf(line []byte) (Recipe, bool) {
	text, terminated := bytes.CutSuffix(line, []byte("\n"))
	text, crlf := bytes.CutSuffix(text, []byte("\r"))
	n := len(text)
	if !terminated || n == 0 || n > MaxLineLength || n%4 != 0 || !isBase64(text) {
		return Recipe{}, false
	}
	return Recipe{LineLength: uint16(n), CRLF: crlf}, true
}

// decode makes the next bytes of a Base64 part ready, and knows in the end
// whether the last line is terminated.
func (s *Splitter) decode() error {
	if err := s.need(lookahead); err != nil {
		return err
	}
	recipe := &s.part.recipe
	fullLine, decodedLine := recipe.fullLine(), recipe.decodedLine()
	n := 0
	for s.decidable(0) && n+decodedLine <= len(s.decoded) {
		b := s.buf[s.r:s.w]
		if recipe.decodeFullLine(s.decoded[n:], b) {
			n += decodedLine
			s.r += fullLine
			continue
		}
		m, size := recipe.decodeLastLine(s.decoded[n:], b, s.end != nil)
		recipe.Unterminated = size > 0 && b[size-1] != '\n'
		n += m
		s.r += size
		s.done = true
		break
	}
	s.ready = s.decoded[:n]
	return nil
}

// decodeFullLine decodes the first line of b if it is a full one, with ending.
func (r Recipe) decodeFullLine(to, b []byte) bool {
	length, size := int(r.LineLength), r.fullLine()
	if len(b) < size || b[size-1] != '\n' || r.CRLF && b[size-2] != '\r' {
		return false
	}
	// The decoder ignores CR and LF, and takes padding: all of them make it
	// give fewer bytes.
	n, err := strict.Decode(to, b[:length])
	return err == nil && n == length/4*3
}

// decodeLastLine decodes the first line of b if it can be the last one of a run
// and is no full one. It returns how many bytes it encodes, and its size with
// the line ending, 0 if it is no line of the run.
func (r Recipe) decodeLastLine(to, b []byte, isAll bool) (n, size int) {
	line := b[:lineSize(b[:min(len(b), r.fullLine())])]
	text, terminated := bytes.CutSuffix(line, []byte(r.lineEnding()))
	if !terminated && !(isAll && len(line) == len(b)) || len(text) > int(r.LineLength) {
		return 0, 0
	}
	if n = decodeCanonical(to, text); n == 0 {
		return 0, 0
	}
	return n, len(line)
}

// decodeCanonical decodes text and returns how many bytes that gives, 0 unless
// encoding them gives the text.
func decodeCanonical(to, text []byte) int {
	bare, padded := bytes.CutSuffix(text, []byte("="))
	if padded {
		bare, _ = bytes.CutSuffix(bare, []byte("="))
	}
	if !isBase64(bare) {
		return 0
	}
	n, err := strict.Decode(to, text)
	if err != nil {
		return 0
	}
	return n
}

// isBase64 reports whether text has no characters but those of the alphabet.
func isBase64(text []byte) bool {
	for _, c := range text {
		if !alphabet[c] {
			return false
		}
	}
	return true
}

// alphabet holds the characters of RFC 4648 table 1, without the padding.
var alphabet = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		is[c] = true
	}
	return is
}()
