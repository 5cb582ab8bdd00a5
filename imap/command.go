package imap

import (
	"io"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
)

// command is a command and, once it is done, the server's answer.
type command struct {
	name  string // for errors: the command and its mailbox, never a secret
	parts []part
	hide  bool     // keep the command's arguments out of the trace
	ahead bool     // nothing depends on the answer (expected)
	next  *command // to be sent right after this one; nil: none

	onResponse func(*wire.Response) (taken bool, err error) // called with untagged responses; may be nil
	onBody     func(*wire.BodyLiteral) error                // called with bodies; may be nil

	tag    string
	behind bool // it was sent while others were under way
	done   bool
	err    error  // the server's NO or BAD
	code   string // of the answer
	args   string // of the code
}

// part is text of a command, and the literal after it, if there is one.
type part struct {
	text    []byte
	literal *literal
}

// literal is a string that follows its length (RFC 9051 section 4.3).
type literal struct {
	size   int64
	binary bool // literal8 (RFC 3516): may hold NUL
	write  func(io.Writer) error
}

// shown returns a line of the command for the trace: only tag and name of a command that holds a secret.
func (c *command) shown(line []byte, first bool) []byte {
	switch {
	case c.hide && first:
		name, _, _ := strings.Cut(c.name, " ")
		return []byte(c.tag + " " + name + " …")
	case c.hide:
		return []byte("…")
	case first:
		return append([]byte(c.tag+" "), line...)
	}
	return line
}

func newCommand(name string) *command {
	c := &command{name: name}
	return c.raw(name)
}

func (c *command) raw(text string) *command {
	if n := len(c.parts); n == 0 || c.parts[n-1].literal != nil {
		c.parts = append(c.parts, part{})
	}
	last := &c.parts[len(c.parts)-1]
	last.text = append(last.text, text...)
	return c
}

// text adds a string, quoted if possible, else as a literal. Quoted strings get no 8-bit bytes: RFC 9051 section 4.3
// allows UTF-8 in them, but IMAP4rev1 servers only once it is enabled.
func (c *command) text(s string) *command {
	if !wire.Quotable(s) {
		return c.add(&literal{size: int64(len(s)), write: func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}})
	}
	return c.raw(wire.Quote(s))
}

// mailbox adds a mailbox's name, also to the name of the command.
func (c *command) mailbox(raw string) *command {
	c.name += " " + strconv.Quote(wire.PrintableName(raw))
	return c.raw(" ").text(raw)
}

func (c *command) add(l *literal) *command {
	c.raw("")
	c.parts[len(c.parts)-1].literal = l
	return c
}
