package command

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Limits of what a client can make the server hold for one command.
const (
	maxLine    = 1 << 20  // bytes of a command without its literals; a set of messages can be long
	maxLiteral = 64 << 10 // bytes of the literals of a command
	maxSkipped = 1 << 30  // bytes of a literal that is read and dropped

	strictLine    = 16 << 10
	strictLiteral = 4 << 10
)

// ErrTooLong reports that a client sends a line that is longer than any command. The connection
// cannot go on.
var ErrTooLong = errors.New("the command is too long")

// Command is a command of a client. It is valid until the next one is read.
type Command struct {
	Tag  string // "*" if there is none
	Name string // in upper case; without UID
	UID  bool   // UID FETCH, UID SEARCH
	Cut  bool   // the client must not send a literal, or it was dropped: the arguments are not whole

	Scanner
}

// Reader reads commands.
type Reader struct {
	Input *bufio.Reader

	// Continue lets the client send a literal (RFC 3501 section 7.5).
	Continue func() error

	// Strict limits a command to a few kilobytes. It is for clients that have not logged in.
	Strict bool

	segments []segment
	size     int   // of the lines of the command
	held     int64 // of its literals
}

// segment is a line, and the literal that follows it, if there is one.
type segment struct {
	text    []byte
	literal []byte // nil: none
}

// Next reads a command. An error of the connection, and ErrTooLong, are the last.
func (r *Reader) Next() (*Command, error) {
	r.segments, r.size, r.held = r.segments[:0], 0, 0
	c := new(Command)
	for {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		text, size, plus, announced := literalSize(line)
		r.segments = append(r.segments, segment{text: text})
		if len(r.segments) == 1 {
			c.segments = r.segments
			c.readName()
		}
		if !announced {
			c.segments = r.segments
			return c, nil
		}
		literal, err := r.literal(c, size, plus)
		if err != nil {
			return nil, err
		}
		r.segments[len(r.segments)-1].literal = literal
		if c.Cut && !plus {
			c.segments = r.segments
			return c, nil
		}
	}
}

// line reads a line without its end.
func (r *Reader) line() ([]byte, error) {
	limit := maxLine
	if r.Strict {
		limit = strictLine
	}
	var line []byte
	for {
		piece, err := r.Input.ReadSlice('\n')
		if r.size += len(piece); r.size > limit {
			return nil, ErrTooLong
		}
		line = append(line, piece...)
		if err == nil {
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// literalSize recognizes "{n}" and "{n+}" at the end of a line (RFC 3501 section 4.3, RFC 7888),
// and returns what is before.
func literalSize(line []byte) (before []byte, size int64, plus, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return line, 0, false, false
	}
	digits, plus := bytes.CutSuffix(line[open+1:len(line)-1], []byte("+"))
	n, ok := number(string(digits), 1<<62)
	return line[:open], n, plus, ok
}

// literal reads a literal, or drops one that is too large.
func (r *Reader) literal(c *Command, size int64, plus bool) ([]byte, error) {
	limit := int64(maxLiteral)
	if r.Strict {
		limit = strictLiteral
	}
	if c.Cut || c.Name == "APPEND" || size > limit-r.held || len(r.segments) > 1000 {
		c.Cut = true
		if !plus {
			return []byte{}, nil // the client waits to be asked for it
		}
		if size > maxSkipped || r.Strict {
			return nil, ErrTooLong
		}
		_, err := io.CopyN(io.Discard, r.Input, size)
		return []byte{}, unexpected(err)
	}
	if !plus {
		if err := r.Continue(); err != nil {
			return nil, err
		}
	}
	r.held += size
	literal := make([]byte, size)
	_, err := io.ReadFull(r.Input, literal)
	return literal, unexpected(err)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readName reads the tag and the name of the command.
func (c *Command) readName() {
	text := c.segments[0].text
	tag, rest, ok := bytes.Cut(text, []byte(" "))
	if c.Tag = string(tag); !isTag(c.Tag) {
		c.Tag = "*"
	}
	if !ok {
		c.at = len(text)
		return
	}
	name, _, _ := bytes.Cut(rest, []byte(" "))
	c.at = len(tag) + 1 + len(name)
	c.Name = strings.ToUpper(string(name))
	if c.Name == "UID" {
		rest = bytes.TrimPrefix(rest[len(name):], []byte(" "))
		name, _, _ = bytes.Cut(rest, []byte(" "))
		c.at = len(text) - len(rest) + len(name)
		c.UID, c.Name = true, strings.ToUpper(string(name))
	}
}

// isTag reports whether a text can be a tag: characters of an astring, except "+".
func isTag(s string) bool { return s != "" && isAll(s, isAStringChar) && !strings.Contains(s, "+") }

// Line returns the command as a line, for what is no command: a response of AUTHENTICATE.
func (c *Command) Line() string { return string(c.segments[0].text) }

// IsWord reports whether the line is one word, in any case: the DONE of IDLE.
func (c *Command) IsWord(word string) bool {
	return len(c.segments) == 1 && strings.EqualFold(c.Line(), word)
}
