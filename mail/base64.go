package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// A run is what a mail program writes for an attachment (RFC 2045 section 6.8):
//
//	full line    LineLength characters and a line ending        once or more
//	last line    4 to LineLength characters and a line ending   optional
//
//	full line    only A-Z a-z 0-9 + /; LineLength is a multiple of 4, from 4 to MaxLineLength, and the same for all lines
//	line ending  LF or CRLF, the same for all lines
//	last line    a multiple of 4 characters; the last one or two may be "=", and then the unused bits are 0. It has fewer
//	             than LineLength characters, or a "=", or no line ending. It may have no line ending only at the end of
//	             the message.
//
// A run begins at the beginning of a line, extends as far as possible, and has at least MinRun
// bytes. The splitter looks for runs from the first line of the body; a line at which no run begins
// is text. A line that contains a stray CR, a space, a NUL or a "=" in its middle, that is longer,
// or that has another line ending is not part of a run. It ends the run or prevents one. After a
// last line the run is over; the next line may begin another run.
//
// Decoding and encoding a run gives the same bytes again. Lines for which this does not hold stay
// text.

// Recipe says how the bytes of a Base64 part are written in the message: in the encoding of RFC
// 4648 section 4, with padding, in lines of LineLength characters, of which the last one may be
// shorter. LineLength is a multiple of 4 from 4 to MaxLineLength. Other kinds of part have the zero
// Recipe.
type Recipe struct {
	LineLength   uint16 // characters of a full line, without its ending
	CRLF         bool   // lines end in CRLF; false: in LF
	Unterminated bool   // the last line has no line ending, because the message ends with it
}

// ErrRecipe is the error for a recipe that a Splitter never returns.
var ErrRecipe = errors.New("impossible recipe for base64 lines")

// Check returns ErrRecipe unless a Base64 part can have the recipe.
func (r Recipe) Check() error {
	if r.LineLength == 0 || r.LineLength > MaxLineLength || r.LineLength%4 != 0 {
		return ErrRecipe
	}
	return nil
}

// lineEnding returns "\r\n" or "\n".
func (r Recipe) lineEnding() string {
	if r.CRLF {
		return "\r\n"
	}
	return "\n"
}

// fullLine returns the size of a full line, including its ending.
func (r Recipe) fullLine() int { return int(r.LineLength) + len(r.lineEnding()) }

// decodedLine returns how many bytes a full line encodes.
func (r Recipe) decodedLine() int { return int(r.LineLength) / 4 * 3 }

// strict refuses encodings whose unused bits are not 0.
var strict = base64.StdEncoding.Strict()

// findRun looks for a run at the beginning of b, which is the beginning of a line. b is the rest of
// the message, or at least lookahead bytes of it. If there is no run, findRun returns the zero
// Recipe and the size of the lines at which none begins.
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
		// A run that began at a later one of these lines would end at the same byte and be even
		// shorter.
		return Recipe{}, full
	}
	return recipe, 0
}

// recipeOf returns the recipe of the runs that can begin with the line.
func recipeOf(line []byte) (Recipe, bool) {
	text, terminated := bytes.CutSuffix(line, []byte("\n"))
	text, crlf := bytes.CutSuffix(text, []byte("\r"))
	n := len(text)
	if !terminated || n == 0 || n > MaxLineLength || n%4 != 0 || !isBase64(text) {
		return Recipe{}, false
	}
	return Recipe{LineLength: uint16(n), CRLF: crlf}, true
}

// decode makes the next bytes of a Base64 part ready. At the end of the part it sets Unterminated.
func (s *Splitter) decode() error {
	if err := s.need(lookahead); err != nil {
		return err
	}
	recipe := &s.part.recipe
	fullLine, decodedLine := recipe.fullLine(), recipe.decodedLine()
	n, single := 0, 0 // single is how many lines are decoded one by one, because one of them is not full
	for s.decidable(0) && n+decodedLine <= len(s.decoded) {
		b := s.buf[s.r:s.w]
		if ahead := s.linesAhead(fullLine); single == 0 && ahead > 1 {
			if lines := s.lines.decode(s.decoded[n:], b, *recipe, ahead); lines > 0 {
				n += lines * decodedLine
				s.r += lines * fullLine
				continue
			}
			single = ahead
		}
		single = max(0, single-1)
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

// linesAhead returns how many lines of a size are buffered and decidable.
func (s *Splitter) linesAhead(size int) int {
	ahead := s.w - s.r
	if s.end == nil {
		ahead -= lookahead - size // decidable at the beginning of the last of them
	}
	return max(0, ahead/size)
}

// decodeFullLine decodes the first line of b if it is a full line.
func (r Recipe) decodeFullLine(to, b []byte) bool {
	length, size := int(r.LineLength), r.fullLine()
	if len(b) < size || b[size-1] != '\n' || r.CRLF && b[size-2] != '\r' {
		return false
	}
	// The decoder ignores CR and LF and accepts padding. Each of them results in fewer bytes.
	n, err := strict.Decode(to, b[:length])
	return err == nil && n == length/4*3
}

// decodeLastLine decodes the first line of b if it can be the last line of a run and is not a full
// line. It returns the number of decoded bytes and the size of the line with its ending. Both are 0
// if the line is not part of the run.
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

// decodeCanonical decodes text and returns the number of decoded bytes. It returns 0 unless
// encoding them gives text again.
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

// isBase64 reports whether text has only characters of the alphabet.
func isBase64(text []byte) bool {
	for _, c := range text {
		if !alphabet[c] {
			return false
		}
	}
	return true
}

// alphabet has the characters of RFC 4648 table 1, without the padding.
var alphabet = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		is[c] = true
	}
	return is
}()
