package imap

import (
	"io"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
)

// Command is a command and, once it is done, the server's answer.
type Command struct {
	Name string // for errors: the command and its mailbox, never a secret

	OnResponse func(*wire.Response) (taken bool, err error) // called with untagged responses; may be nil
	OnBody     func(*wire.BodyLiteral) error                // called with bodies; may be nil

	Tag  string // once it is sent
	Done bool   // the server has answered
	Err  error  // the server's NO or BAD
	Code string // of the answer, in upper case
	Args string // of the code

	parts  []part
	hide   bool // keep the command's arguments out of the trace
	spare  bool // Optional was called
	behind bool // it was sent while others were under way
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

// shown returns a line of the command for the trace: only tag and name of a command that holds a
// secret.
func (c *Command) shown(line []byte, first bool) []byte {
	switch {
	case c.hide && first:
		name, _, _ := strings.Cut(c.Name, " ")
		return []byte(c.Tag + " " + name + " …")
	case c.hide:
		return []byte("…")
	case first:
		return append([]byte(c.Tag+" "), line...)
	}
	return line
}

// NewCommand returns a command without arguments.
func NewCommand(name string) *Command {
	c := &Command{Name: name}
	return c.Raw(name)
}

// Optional says that the run can do what the command is for in another way, or without it. If the
// connection is lost during it, another attempt is worthwhile (Dialer.LostOptional).
func (c *Command) Optional() *Command {
	c.spare = true
	return c
}

// Raw adds text as it is, without a blank before it.
func (c *Command) Raw(text string) *Command {
	if n := len(c.parts); n == 0 || c.parts[n-1].literal != nil {
		c.parts = append(c.parts, part{})
	}
	last := &c.parts[len(c.parts)-1]
	last.text = append(last.text, text...)
	return c
}

// Text adds a string, quoted if possible, else as a literal. Quoted strings get no 8-bit bytes: RFC
// 9051 section 4.3 allows UTF-8 in them, but IMAP4rev1 servers only once it is enabled.
func (c *Command) Text(s string) *Command {
	if !wire.Quotable(s) {
		return c.Literal(int64(len(s)), false, func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		})
	}
	return c.Raw(wire.Quote(s))
}

// Mailbox adds a blank and a mailbox's name, also to the name of the command.
func (c *Command) Mailbox(raw string) *Command {
	c.Name += " " + strconv.Quote(wire.PrintableName(raw))
	return c.Raw(" ").Text(raw)
}

// Literal adds a string that write writes, of size bytes. binary allows NUL in it (literal8, RFC
// 3516). If write fails, or writes another number of bytes, the connection ends.
func (c *Command) Literal(size int64, binary bool, write func(io.Writer) error) *Command {
	c.Raw("")
	c.parts[len(c.parts)-1].literal = &literal{size, binary, write}
	return c
}
