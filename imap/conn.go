package imap

import (
	"bufio"
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
	"github.com/mailstrata/mailstrata/mail"
)

// conn is a connection and the commands on it. It is used by one goroutine at a time.
//
// Several commands may be under way. No goroutine reads on its own: a call that waits for one command reads for all
// that are under way, and gives each response to the command that takes it. After an error that is not the server's
// answer to one command, the connection is closed and every method fails.
type conn struct {
	opts      *Options
	transport net.Conn      // with TLS, without compression
	socket    *netconn.Conn // beneath TLS, whose Close would wait for a server that does not read
	r         *wire.Reader
	w         *bufio.Writer
	flusher   interface{ Flush() error } // beneath w, when the connection is compressed
	trace     *tracer

	introduction []*command // sent after the login and not waited for yet

	caps      capabilities
	capsKnown bool // since the last change of state (RFC 9051 section 3)
	enabled   capabilities
	id        []mail.Field // of the server
	secrets   []string     // while logging in: removed from errors, because some servers repeat them
	mailbox   *Mailbox     // that is open, or being opened; nil: none

	tags        int
	pending     []*command           // in the order sent
	probe       *command             // a NOOP that shows whether the server has lost the commands before it
	continued   bool                 // the server sent a continuation request
	challenge   string               // the text of that request
	lastWarning string               // it may explain why the connection ends
	listener    func(*wire.Response) // called with every response; may be nil
	bye         error
	dead        error

	useless    int64     // bytes that answered no command since the last answer
	lastUseful time.Time // of the last answer
}

// adopt makes c read and write over netConn.
func (c *conn) adopt(netConn net.Conn) {
	c.transport = netConn
	c.readFrom(netConn)
	c.w = bufio.NewWriterSize(netConn, 64<<10)
}

// readFrom connects c to the reader of responses: readResponse gets from it what it parses of src, and dispatchBody
// gets the literals of bodies while they come in.
func (c *conn) readFrom(src io.Reader) {
	c.r = wire.NewReader(src)
	c.r.Sink = c.dispatchBody
	c.r.Trace = c.trace.received
}

// wait reads responses until the command is answered, and returns the server's refusal as *Error.
func (c *conn) wait(cmd *command) error {
	for !cmd.done {
		if err := c.readResponse(); err != nil {
			return err
		}
	}
	return cmd.err
}

// do sends a command and waits for the answer. If ctx ends first, do closes the connection.
func (c *conn) do(ctx context.Context, cmd *command) error {
	defer c.closeOnDone(ctx)()
	if err := c.introduced(); err != nil {
		return c.orCause(ctx, err)
	}
	return c.doAtOnce(ctx, cmd)
}

// doAtOnce is do for a command that is sent before the server has answered those that follow the login.
func (c *conn) doAtOnce(ctx context.Context, cmd *command) error {
	defer c.closeOnDone(ctx)()
	if err := c.start(cmd); err != nil {
		return c.orCause(ctx, err)
	}
	return c.orCause(ctx, c.wait(cmd))
}

// closeOnDone closes the connection when ctx ends, which wakes a blocked read or write.
func (c *conn) closeOnDone(ctx context.Context) (stop func()) {
	unhook := context.AfterFunc(ctx, func() { c.socket.Close() })
	return func() { unhook() }
}

// orCause returns the cause of ctx's end in place of the error that it led to.
func (c *conn) orCause(ctx context.Context, err error) error {
	if err != nil && c.dead != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// readResponse reads one response and gives it to the command that it belongs to.
func (c *conn) readResponse() error {
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
	i := slices.IndexFunc(c.pending, func(cmd *command) bool { return cmd.tag == resp.Tag })
	if i < 0 {
		return c.countUseless(resp, false) // a line that belongs to no command; some servers break lines
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

// countUseless ends a connection that receives too much data, or for too long, that answers no command.
func (c *conn) countUseless(resp *wire.Response, useful bool) error {
	if useful {
		c.useless, c.lastUseful = resp.Discarded, time.Now()
	} else {
		c.useless += int64(resp.Size) + resp.Discarded
	}
	if c.useless > maxUseless {
		return c.fail(wire.Flood("more than %d MiB that answer no command", maxUseless>>20))
	}
	if idle := time.Since(c.lastUseful); idle > c.opts.uselessTimeout() {
		return c.fail(fmt.Errorf("%w: for %v nothing came that answers a command", netconn.ErrStalled,
			idle.Round(time.Second)))
	}
	return nil
}

func (c *conn) complete(cmd *command, resp *wire.Response) {
	cmd.done, cmd.code, cmd.args = true, resp.Code.Name, resp.Code.Raw
	if resp.Name != "OK" {
		cmd.err = c.refusal(cmd.name, resp)
	}
}

// refusal makes an Error of a status.
func (c *conn) refusal(command string, resp *wire.Response) *Error {
	text := resp.Text
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return &Error{Command: command, Status: wire.Printable(resp.Name), Code: wire.Printable(resp.Code.Name),
		Text: wire.Printable(text)}
}

// dispatch records what concerns the connection as a whole, then offers the response to the commands under way, the
// oldest first. A response that no command takes is dropped.
func (c *conn) dispatch(resp *wire.Response) (taken bool, err error) {
	c.observe(resp)
	for _, cmd := range c.pending {
		if cmd.onResponse == nil {
			continue
		}
		if taken, err := cmd.onResponse(resp); taken || err != nil {
			return taken, err
		}
	}
	return false, nil
}

func (c *conn) observe(resp *wire.Response) {
	if c.listener != nil {
		c.listener(resp)
	}
	if c.mailbox != nil {
		c.mailbox.observe(resp)
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

// listen calls listener with every response until stopped.
func (c *conn) listen(listener func(*wire.Response)) (stop func()) {
	c.listener = listener
	return func() { c.listener = nil }
}

// dispatchBody gives a body to the command that takes bodies.
func (c *conn) dispatchBody(b *wire.BodyLiteral) error {
	for _, cmd := range c.pending {
		if cmd.onBody != nil {
			return cmd.onBody(b)
		}
	}
	return nil
}

// fail closes the connection. An error of a handler is returned as it is. Other errors say where and when the
// connection ended.
func (c *conn) fail(err error) error {
	if c.dead != nil {
		return c.dead
	}
	var handler *handlerError
	doing := ""
	if len(c.pending) > 0 {
		doing = c.pending[0].name
	}
	if len(c.pending) > 1 && (errors.Is(err, netconn.ErrStalled) || errors.Is(err, errCommandsLost)) {
		c.opts.quirks.sequential.Store(true)
	}
	if len(c.pending) > 1 {
		c.opts.quirks.wary.Store(true)
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
	default:
		if err == io.EOF {
			err = errors.New("the server closed the connection")
		}
		c.dead = lost(c.opts.Host, doing, c.lastWarning, err)
	}
	if handler == nil && doing != "" {
		c.opts.quirks.addLoss(doing, c.dead)
	}
	c.socket.Close()
	return c.dead
}

// handlerError is an error of the code that handles data, as opposed to one of the connection.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

// Close sends LOGOUT if no data of another command is due, and closes the connection.
func (c *conn) Close() error {
	if c.dead == nil && len(c.pending) == 0 {
		// The answer is not waited for, because it would change nothing.
		c.start(newCommand("LOGOUT"))
	}
	if c.dead == nil {
		c.dead = net.ErrClosed
	}
	return c.transport.Close()
}
