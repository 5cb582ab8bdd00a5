package imap

import (
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// Conn is a connection that is logged in, and the commands on it. It is used by one goroutine at a
// time.
//
// Several commands may be under way. No goroutine reads on its own: a call that waits for one
// command reads for all that are under way, and gives each response to the command that takes it.
// After an error that is not the server's answer to one command, the connection is closed and every
// method fails.
type Conn struct {
	opts      *Options
	quirks    *quirks       // shared by the connections of a Dialer
	transport net.Conn      // with TLS, without compression
	socket    *netconn.Conn // beneath TLS, whose Close would wait for a server that does not read
	r         *wire.Reader
	w         *bufio.Writer
	flusher   interface{ Flush() error } // beneath w, when the connection is compressed
	trace     *tracer

	introduction []*Command // sent after the login and not waited for yet

	caps      capabilities
	capsKnown bool // since the last change of state (RFC 9051 section 3)
	enabled   capabilities
	id        []mail.Field // of the server
	secrets   []string     // while logging in: removed from errors, because some servers repeat them

	tags        int
	pending     []*Command // in the order sent
	probe       *Command   // a NOOP that shows whether the server has lost the commands before it
	continued   bool       // the server sent a continuation request
	challenge   string     // the text of that request
	lastWarning string     // it may explain why the connection ends
	strayLine   string     // the last one that answers no command, since the last answer
	observers   []*func(*wire.Response)
	bye         error
	dead        error

	useless    int64     // bytes that answered no command since the last answer
	lastUseful time.Time // of the last answer
}

// adopt makes c read and write over netConn.
func (c *Conn) adopt(netConn net.Conn) {
	c.transport = netConn
	c.readFrom(netConn)
	c.w = bufio.NewWriterSize(netConn, 64<<10)
}

// readFrom connects c to the reader of responses: readResponse gets from it what it parses of src,
// and dispatchBody gets the literals of bodies while they come in.
func (c *Conn) readFrom(src io.Reader) {
	c.r = wire.NewReader(src)
	c.r.Sink = c.dispatchBody
	c.r.Trace = c.trace.received
}

// Wait reads responses until the command is answered, and returns the server's refusal as *Error.
func (c *Conn) Wait(cmd *Command) error {
	for !cmd.Done {
		if err := c.readResponse(); err != nil {
			return err
		}
	}
	return cmd.Err
}

// Do sends a command and waits for the answer. If ctx ends first, Do closes the connection.
func (c *Conn) Do(ctx context.Context, cmd *Command) error {
	defer c.CloseOnDone(ctx)()
	if err := c.Introduced(); err != nil {
		return c.OrCause(ctx, err)
	}
	return c.doAtOnce(ctx, cmd)
}

// doAtOnce is Do for a command that is sent before the server has answered those that follow the
// login.
func (c *Conn) doAtOnce(ctx context.Context, cmd *Command) error {
	defer c.CloseOnDone(ctx)()
	if err := c.Start(cmd); err != nil {
		return c.OrCause(ctx, err)
	}
	return c.OrCause(ctx, c.Wait(cmd))
}

// CloseOnDone closes the connection when ctx ends, which wakes a blocked read or write.
func (c *Conn) CloseOnDone(ctx context.Context) (stop func()) {
	unhook := context.AfterFunc(ctx, func() { c.socket.Close() })
	return func() { unhook() }
}

// OrCause returns the cause of ctx's end in place of the error that it led to, if ctx has ended.
func (c *Conn) OrCause(ctx context.Context, err error) error {
	if err != nil && c.dead != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// readResponse reads one response and gives it to the command that it belongs to.
func (c *Conn) readResponse() error {
	if c.dead != nil {
		return c.dead
	}
	resp, err := c.r.Next()
	if err != nil {
		return c.fail(err)
	}
	c.socket.ResponseRead()
	switch resp.Tag {
	case "*":
		taken, err := c.dispatch(resp)
		if err != nil {
			return c.fail(err)
		}
		return c.countUseless(resp, taken)
	case "+":
		c.continued, c.challenge = true, resp.Text
		return c.countUseless(resp, false)
	}
	i := slices.IndexFunc(c.pending, func(cmd *Command) bool { return cmd.Tag == resp.Tag })
	if i < 0 { // a line that belongs to no command; some servers break lines
		c.strayLine = c.head()
		return c.countUseless(resp, false)
	}
	c.observe(resp)
	cmd := c.pending[i]
	if cmd == c.probe {
		if c.probe = nil; i > 0 {
			return c.fail(errCommandsLost)
		}
	}
	c.pending = slices.Delete(c.pending, i, i+1)
	c.complete(cmd, resp)
	return c.countUseless(resp, true)
}

// maxUseless bounds the bytes in a row that answer no command.
const maxUseless = 16 << 20

// countUseless ends a connection that receives too much data, or for too long, that answers no
// command.
func (c *Conn) countUseless(resp *wire.Response, useful bool) error {
	if useful {
		c.useless, c.lastUseful, c.strayLine = resp.Discarded, time.Now(), ""
	} else {
		c.useless += int64(resp.Size) + resp.Discarded
	}
	if c.useless > maxUseless {
		return c.fail(wire.Flood("more than %d MiB that answer no command", maxUseless>>20))
	}
	if idle := time.Since(c.lastUseful); idle > c.opts.uselessTimeout() {
		return c.fail(fmt.Errorf("%w: for %v nothing came that answers a command; the last line began with %q",
			netconn.ErrStalled, idle.Round(time.Second), c.head()))
	}
	return nil
}

// head returns the beginning of the latest response, for errors. It returns "…" while logging in,
// because a server may repeat what it was sent.
func (c *Conn) head() string {
	if len(c.secrets) > 0 {
		return "…"
	}
	return c.r.Head()
}

func (c *Conn) complete(cmd *Command, resp *wire.Response) {
	cmd.Done, cmd.Code, cmd.Args = true, resp.Code.Name, resp.Code.Raw
	if resp.Name != "OK" {
		cmd.Err = c.refusal(cmd.Name, resp)
	}
}

// refusal makes an Error of a status.
func (c *Conn) refusal(command string, resp *wire.Response) *Error {
	text := resp.Text
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return &Error{Command: command, Status: printable.Text(resp.Name), Code: printable.Text(resp.Code.Name),
		Text: printable.Text(text)}
}

// dispatch records what concerns the connection as a whole, then offers the response to the
// commands under way, the oldest first. A response that no command takes is dropped.
func (c *Conn) dispatch(resp *wire.Response) (taken bool, err error) {
	c.observe(resp)
	for _, cmd := range c.pending {
		if cmd.OnResponse == nil {
			continue
		}
		if taken, err := cmd.OnResponse(resp); taken || err != nil {
			return taken, err
		}
	}
	return false, nil
}

func (c *Conn) observe(resp *wire.Response) {
	for _, observer := range c.observers {
		(*observer)(resp)
	}
	switch resp.Name {
	case "CAPABILITY":
		c.caps, c.capsKnown = newCapabilities(resp.Args), true
	case "BYE":
		c.bye = c.refusal("", resp)
	case "ENABLED":
		for word := range newCapabilities(resp.Args) {
			c.enabled[word] = true
		}
	}
	if resp.Tag == "*" && (resp.Name == "NO" || resp.Name == "BAD" || resp.Code.Name == "ALERT") {
		c.lastWarning = c.refusal("", resp).said()
	}
	if resp.Code.Name == "CAPABILITY" {
		c.caps, c.capsKnown = newCapabilities(resp.Code.Args), true
	}
}

// Observe calls observer with every response until stopped.
func (c *Conn) Observe(observer func(*wire.Response)) (stop func()) {
	c.observers = append(c.observers, &observer)
	return func() {
		c.observers = slices.DeleteFunc(c.observers, func(o *func(*wire.Response)) bool { return o == &observer })
	}
}

// dispatchBody gives a body to the command that takes bodies.
func (c *Conn) dispatchBody(b *wire.BodyLiteral) error {
	for _, cmd := range c.pending {
		if cmd.OnBody != nil {
			return cmd.OnBody(b)
		}
	}
	return nil
}

// BodyReader returns a reader of a body, for Command.OnBody. An error in it ends the connection.
func (c *Conn) BodyReader(b *wire.BodyLiteral) io.Reader { return &bodyReader{b.Content, c} }

type bodyReader struct {
	content *wire.LiteralReader
	c       *Conn
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.content.Read(p)
	if err != nil && err != io.EOF {
		err = b.c.fail(err)
	}
	return n, err
}

func (b *bodyReader) WriteTo(w io.Writer) (int64, error) {
	n, err := b.content.WriteTo(w)
	if b.content.Err != nil {
		err = b.c.fail(b.content.Err)
	}
	return n, err
}

// fail closes the connection. An error of a handler is returned as it is. Other errors say where
// and when the connection ended, and which bytes of the server could not be followed.
func (c *Conn) fail(err error) error {
	if c.dead != nil {
		return c.dead
	}
	var handler *handlerError
	doing := ""
	if len(c.pending) > 0 {
		doing = c.pending[0].Name
	}
	if len(c.pending) > 1 && (errors.Is(err, netconn.ErrStalled) || errors.Is(err, errCommandsLost)) {
		c.quirks.sequential.Store(true)
	}
	if len(c.pending) > 1 {
		c.quirks.wary.Store(true)
	}
	switch {
	case errors.As(err, &handler):
		c.dead = handler.err
	case errors.Is(err, mail.ErrFlood):
		c.dead = err
		if doing != "" {
			c.dead = fmt.Errorf("%s: %w", doing, err)
		}
	case c.bye != nil:
		c.dead = c.bye
	case errors.Is(err, ErrOutOfStep):
		c.dead = outOfStep(c.opts.Host, doing, c.lastWarning, err)
	default:
		if err == io.EOF {
			err = errors.New("the server closed the connection")
		}
		if c.strayLine != "" {
			err = fmt.Errorf("%w, after a line that answers no command and begins with %q", err, c.strayLine)
		}
		c.dead = lost(c.opts.Host, doing, c.lastWarning, err)
	}
	if handler == nil && doing != "" {
		c.quirks.addLoss(c.blamed(err), c.dead)
	}
	c.socket.Close()
	return c.dead
}

// blamed returns the command that may have cost the connection: the first one under way, or
// COMPRESS if what came cannot be decompressed.
func (c *Conn) blamed(err error) *Command {
	if errors.As(err, new(flate.CorruptInputError)) {
		return NewCommand("COMPRESS").Optional()
	}
	return c.pending[0]
}

// HandlerError wraps an error of the code that handles data, for Command.OnResponse and
// Command.OnBody. It ends the connection, as every error of theirs does, and callers get it as it
// is: not as an error of the connection.
func HandlerError(err error) error { return &handlerError{err} }

type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

// Alive reports whether the connection accepts commands.
func (c *Conn) Alive() bool { return c.dead == nil }

// Err returns the error that ended the connection, or nil.
func (c *Conn) Err() error { return c.dead }

// Close sends LOGOUT if no data of another command is due, and closes the connection.
func (c *Conn) Close() error {
	if c.dead == nil && len(c.pending) == 0 {
		// The answer is not waited for, because it would change nothing.
		c.Start(NewCommand("LOGOUT"))
	}
	if c.dead == nil {
		c.dead = net.ErrClosed
	}
	return c.transport.Close()
}
