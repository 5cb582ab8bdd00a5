package imap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/wire"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"

	"github.com/mailstrata/mailstrata/mail"
)

// Client is one connection, logged in. It is used by one goroutine at a time.
//
// Commands are started and waited for; several may be under way. There is no goroutine that reads: whoever waits
// pumps, for every command that is under way. After an error that is not the server's answer to one command, the
// connection is closed and every method fails.
type Client struct {
	opts    *Options
	conn    net.Conn
	socket  *netconn.Conn // beneath TLS: closing it never waits, where TLS would say goodbye to a server that does not listen
	traffic *netconn.Traffic
	r       *wire.Reader
	w       *bufio.Writer
	flusher interface{ Flush() error } // beneath w, when the connection is compressed
	trace   *tracer

	caps      capabilities
	capsKnown bool // since the last change of state
	enabled   capabilities
	id        []mail.Field
	spaces    []mail.Namespace // once asked for
	asked     bool             // for the namespaces
	secrets   []string         // while logging in: kept out of errors even where the server repeats them

	tags      int
	pending   []*command // in the order sent
	went      bool       // the server asked us to go on
	challenge string     // with these words
	said      string     // the server's last warning, which may explain why the connection ends
	bye       error
	dead      error

	mailbox   *Mailbox // that is open, or being opened; nil: none
	flags     map[string]mail.Flags
	plain     bool                 // no attributes of extensions: the server answered BAD to them
	plainList bool                 // no extended LIST: the server refused it
	listener  func(*wire.Response) // is shown every untagged response
	scratch   []byte

	probe *command // a NOOP that shows whether the server has lost the commands before it

	useless int64     // bytes that answered no command since the last answer
	useful  time.Time // of the last answer
}

// start sends a command. Where a literal needs the server's leave, what comes meanwhile is dispatched as ever.
func (c *Client) start(cmd *command) error {
	if c.dead != nil {
		return c.dead
	}
	if len(c.pending) == 0 {
		c.useful = time.Now()
	}
	for c.opts.learned.isOneByOne() && len(c.pending) > 0 {
		if err := c.step(); err != nil {
			return err
		}
	}
	c.tags++
	cmd.tag = tagOf(c.tags)
	c.pending = append(c.pending, cmd)
	c.w.WriteString(cmd.tag + " ")
	for i, p := range cmd.parts {
		if err := c.sendPart(cmd, p, i == 0); err != nil || cmd.done {
			return err
		}
	}
	c.w.WriteString("\r\n")
	return c.flush()
}

func tagOf(n int) string { return "M" + strconv.Itoa(n) }

func (c *Client) sendPart(cmd *command, p part, first bool) error {
	line := p.text
	if p.literal != nil {
		line = append(slices.Clip(p.text), c.announce(p.literal)...)
	}
	if c.trace != nil {
		c.trace.sent(cmd.shown(line, first))
	}
	c.w.Write(line)
	if p.literal == nil {
		return nil
	}
	if !c.mayPush(p.literal) {
		if err := c.leave(cmd); err != nil || cmd.done {
			return err
		}
	}
	exact := &wire.ExactWriter{W: c.w, Left: p.literal.size}
	err := p.literal.write(exact)
	switch {
	case exact.Err != nil:
		return c.writeFailed(exact.Err)
	case err == nil && exact.Left != 0:
		err = fmt.Errorf("%d bytes short of the literal announced", exact.Left)
	}
	if err != nil {
		// The announced length can neither be filled with anything true nor taken back.
		return c.fail(&handlerError{err})
	}
	return nil
}

// leave waits until the server lets us go on, or answers the command instead. A server that gathers small writes (Nagle;
// Courier) holds its leave back until its answer to the command before is acknowledged, which this host's kernel would put
// off for 40 ms: for every message of a restore.
func (c *Client) leave(cmd *command) error {
	c.went = false
	if err := c.flush(); err != nil {
		return err
	}
	c.socket.QuickAck = true
	defer func() { c.socket.QuickAck = false }()
	for !c.went && !cmd.done {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) flush() error {
	err := c.w.Flush()
	if err == nil && c.flusher != nil {
		err = c.flusher.Flush()
	}
	if err != nil {
		return c.writeFailed(err)
	}
	return nil
}

// writeFailed looks for what the server said before it hung up, which tells more than a broken pipe.
func (c *Client) writeFailed(err error) error {
	if !errors.Is(err, netconn.ErrStalled) {
		for c.dead == nil {
			c.step()
		}
	}
	return c.fail(err)
}

// wait pumps until the command is answered, and gives the server's refusal as *Error.
func (c *Client) wait(cmd *command) error {
	for !cmd.done {
		if err := c.step(); err != nil {
			return err
		}
	}
	return cmd.err
}

// do starts a command and waits for it, unless ctx ends first, which ends the connection too.
func (c *Client) do(ctx context.Context, cmd *command) error {
	defer c.watch(ctx)()
	if err := c.start(cmd); err != nil {
		return c.because(ctx, err)
	}
	return c.because(ctx, c.wait(cmd))
}

// watch closes the connection when ctx ends, which wakes whoever reads or writes.
func (c *Client) watch(ctx context.Context) (stop func()) {
	unhook := context.AfterFunc(ctx, func() { c.socket.Close() })
	return func() { unhook() }
}

// because says that an error came of ctx's end, where it did.
func (c *Client) because(ctx context.Context, err error) error {
	if err != nil && c.dead != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// step reads one response and gives it to whom it belongs.
func (c *Client) step() error {
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
		taken, err := c.untagged(resp)
		if err != nil {
			return c.fail(err)
		}
		return c.weigh(resp, taken)
	case "+":
		c.went, c.challenge = true, resp.Text
		return c.weigh(resp, false)
	}
	i := slices.IndexFunc(c.pending, func(cmd *command) bool { return cmd.tag == resp.Tag })
	if i < 0 {
		return c.weigh(resp, false) // a line that belongs to nothing; servers have been seen to break lines
	}
	c.observe(resp)
	cmd := c.pending[i]
	if cmd == c.probe {
		if c.probe = nil; i > 0 {
			return c.fail(errOvertaken)
		}
	}
	c.pending = slices.Delete(c.pending, i, i+1)
	c.complete(cmd, resp)
	return c.weigh(resp, true)
}

// weigh ends a connection on which too much data comes, or comes for too long, that answers no command.
func (c *Client) weigh(resp *wire.Response, useful bool) error {
	if useful {
		c.useless, c.useful = resp.Discarded, time.Now()
	} else {
		c.useless += int64(resp.Size) + resp.Discarded
	}
	if c.useless > maxUseless {
		return c.fail(wire.Flood("more than %d MiB that answer no command", maxUseless>>20))
	}
	if idle := time.Since(c.useful); idle > c.opts.patience() {
		return c.fail(fmt.Errorf("%w: for %v nothing came that answers a command", netconn.ErrStalled, idle.Round(time.Second)))
	}
	return nil
}

func (c *Client) complete(cmd *command, resp *wire.Response) {
	cmd.done, cmd.code, cmd.args = true, resp.Code.Name, resp.Code.Raw
	if resp.Name != "OK" {
		cmd.err = c.refusal(cmd.name, resp)
	}
}

// refusal makes an error of a status.
func (c *Client) refusal(command string, resp *wire.Response) *Error {
	text := resp.Text
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return &Error{Command: command, Status: wire.Printable(resp.Name), Code: wire.Printable(resp.Code.Name), Text: wire.Printable(text)}
}

// untagged notes what concerns the connection as a whole, then offers the response to the commands under way, the oldest
// first. What nobody takes is dropped.
func (c *Client) untagged(resp *wire.Response) (taken bool, err error) {
	c.observe(resp)
	for _, cmd := range c.pending {
		if cmd.data == nil {
			continue
		}
		if taken, err := cmd.data(resp); taken || err != nil {
			return taken, err
		}
	}
	return false, nil
}

func (c *Client) observe(resp *wire.Response) {
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
		c.said = c.refusal("", resp).said()
	}
	if resp.Code.Name == "CAPABILITY" {
		c.caps, c.capsKnown = newCapabilities(resp.Code.Args), true
	}
}

// tell shows every response to a listener until stopped.
func (c *Client) tell(listener func(*wire.Response)) (stop func()) {
	c.listener = listener
	return func() { c.listener = nil }
}

// body finds the command that takes bodies.
func (c *Client) body(b *wire.BodyLiteral) error {
	for _, cmd := range c.pending {
		if cmd.body != nil {
			return cmd.body(b)
		}
	}
	return nil
}

// fail ends the connection. Errors of those who handle data pass as they are; of those of the stream itself is said
// where and when.
func (c *Client) fail(err error) error {
	if c.dead != nil {
		return c.dead
	}
	var handler *handlerError
	doing := ""
	if len(c.pending) > 0 {
		doing = c.pending[0].name
	}
	if len(c.pending) > 1 && (errors.Is(err, netconn.ErrStalled) || errors.Is(err, errOvertaken)) {
		c.opts.learned.setOneByOne()
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
		lost := &lostError{server: c.opts.Host, doing: doing, said: c.said, err: err}
		if err == io.EOF {
			lost.err = errors.New("the server hung up")
		}
		c.dead = lost
	}
	if handler == nil && doing != "" {
		c.opts.learned.lose(doing, c.dead)
	}
	c.socket.Close()
	return c.dead
}

// handlerError is an error of ours, on its way through the pump.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

// Close says goodbye where that is possible without waiting for others' data, and closes the connection.
func (c *Client) Close() error {
	if c.dead == nil && len(c.pending) == 0 {
		// The answer is not waited for: it would only tell what is known.
		c.start(newCommand("LOGOUT"))
	}
	if c.dead == nil {
		c.dead = net.ErrClosed
	}
	return c.conn.Close()
}
