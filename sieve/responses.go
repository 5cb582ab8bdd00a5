package sieve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// These limits bound what a server can make the client hold.
const (
	maxLiteral = 16 << 20 // bytes of a script
	maxQuoted  = 64 << 10
	maxTokens  = 256    // of a line
	maxLines   = 20_000 // of a response: one for each script
)

// ErrProtocol reports a server that does not speak ManageSieve, or breaks its rules.
var ErrProtocol = errors.New("not a ManageSieve response")

// RefusedError is a NO or a BYE of the server.
type RefusedError struct {
	Status string // NO or BYE
	Code   string // such as QUOTA/MAXSIZE, upper case; empty: none
	Text   string // for people
}

func (e *RefusedError) Error() string {
	text := "the server says " + e.Status
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Text != "" {
		text += ": " + strconv.QuoteToGraphic(e.Text)
	}
	return text
}

// token is an atom, or a string (RFC 5804 section 4). Parentheses are atoms.
type token struct {
	atom bool
	text string
}

// response is the lines of data of a response (RFC 5804 section 1.2), and its code.
type response struct {
	lines [][]token
	code  string
}

// readResponse reads lines up to OK, NO or BYE. A NO or BYE is a RefusedError.
func readResponse(r *bufio.Reader) (*response, error) {
	found := new(response)
	size := 0
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		if len(line) > 0 && line[0].atom {
			status := strings.ToUpper(line[0].text)
			if status == "OK" || status == "NO" || status == "BYE" {
				code, text := codeAndText(line[1:])
				if status != "OK" {
					return nil, &RefusedError{Status: status, Code: code, Text: text}
				}
				found.code = code
				return found, nil
			}
			return nil, fmt.Errorf("%w: a line that begins with %.40q", ErrProtocol, line[0].text)
		}
		for _, t := range line {
			size += len(t.text)
		}
		found.lines = append(found.lines, line)
		if len(found.lines) > maxLines || size > maxLiteral+maxQuoted {
			return nil, fmt.Errorf("%w: it is too long", ErrProtocol)
		}
	}
}

// codeAndText returns the code in parentheses and the text of a final line.
func codeAndText(rest []token) (code, text string) {
	if len(rest) > 0 && rest[0].atom && rest[0].text == "(" {
		end := 1
		for end < len(rest) && !(rest[end].atom && rest[end].text == ")") {
			end++
		}
		if end > 1 {
			code = strings.ToUpper(rest[1].text)
		}
		rest = rest[min(end+1, len(rest)):]
	}
	if len(rest) > 0 && !rest[0].atom {
		text = rest[0].text
	}
	return code, text
}

// readLine reads the tokens of a line. A literal may contain line ends.
func readLine(r *bufio.Reader) (line []token, err error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		switch {
		case b == ' ':
			continue
		case b == '\r':
			if b, err = r.ReadByte(); err != nil || b != '\n' {
				return nil, protocol(err, "a CR without LF")
			}
			return line, nil
		case b == '\n':
			return line, nil
		}
		if len(line) == maxTokens {
			return nil, fmt.Errorf("%w: a line with more than %d words", ErrProtocol, maxTokens)
		}
		var t token
		switch b {
		case '"':
			t.text, err = readQuoted(r)
		case '{':
			t.text, err = readLiteral(r)
		case '(', ')':
			t = token{atom: true, text: string(b)}
		default:
			_ = r.UnreadByte()
			t.atom = true
			t.text, err = readAtom(r)
		}
		if err != nil {
			return nil, err
		}
		line = append(line, t)
	}
}

func readQuoted(r *bufio.Reader) (string, error) {
	var text []byte
	for {
		b, err := r.ReadByte()
		if err == nil && b == '\\' {
			b, err = r.ReadByte()
		} else if err == nil && b == '"' {
			return string(text), nil
		}
		if err != nil || b == '\r' || b == '\n' || b == 0 {
			return "", protocol(err, "a string that does not end")
		}
		if text = append(text, b); len(text) > maxQuoted {
			return "", fmt.Errorf("%w: a string of more than %d bytes", ErrProtocol, maxQuoted)
		}
	}
}

// readLiteral reads a literal, whose "{" was read: "{5}" or "{5+}", a line end, and the bytes.
func readLiteral(r *bufio.Reader) (string, error) {
	var digits []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return "", unexpected(err)
		}
		if b == '}' {
			break
		}
		if digits = append(digits, b); len(digits) > 12 {
			return "", fmt.Errorf("%w: a literal without a size", ErrProtocol)
		}
	}
	size, err := strconv.ParseUint(strings.TrimSuffix(string(digits), "+"), 10, 32)
	if err != nil {
		return "", fmt.Errorf("%w: a literal without a size", ErrProtocol)
	}
	if size > maxLiteral {
		return "", fmt.Errorf("%w: a literal of %d bytes, at most %d are read", ErrProtocol, size, maxLiteral)
	}
	b, err := r.ReadByte()
	if err == nil && b == '\r' {
		b, err = r.ReadByte()
	}
	if err != nil || b != '\n' {
		return "", protocol(err, "a literal without a line end")
	}
	var text strings.Builder // it grows with what arrives, not with what is announced
	if _, err := io.CopyN(&text, r, int64(size)); err != nil {
		return "", unexpected(err)
	}
	return text.String(), nil
}

func readAtom(r *bufio.Reader) (string, error) {
	var text []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return "", unexpected(err)
		}
		if b == ' ' || b == '\r' || b == '\n' || b == '(' || b == ')' || b == '"' || b == '{' {
			_ = r.UnreadByte()
			if len(text) == 0 {
				return "", fmt.Errorf("%w: the byte %q", ErrProtocol, b)
			}
			return string(text), nil
		}
		if text = append(text, b); len(text) > maxQuoted {
			return "", fmt.Errorf("%w: a word of more than %d bytes", ErrProtocol, maxQuoted)
		}
	}
}

func protocol(err error, what string) error {
	if err != nil {
		return unexpected(err)
	}
	return fmt.Errorf("%w: %s", ErrProtocol, what)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// quote returns text as a string of the protocol: quoted if it is short and plain, otherwise as a
// literal.
func quote(text string) string {
	if len(text) > 1024 || strings.ContainsAny(text, "\r\n\x00") {
		return fmt.Sprintf("{%d+}\r\n%s", len(text), text)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
