package imap

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
)

// Start sends a command, behind those under way. If a literal needs a continuation request, Start
// dispatches what comes before it.
func (c *Conn) Start(cmd *Command) error {
	if c.dead != nil {
		return c.dead
	}
	if len(c.pending) == 0 {
		c.lastUseful = time.Now()
	}
	for c.quirks.sequential.Load() && len(c.pending) > 0 {
		if err := c.readResponse(); err != nil {
			return err
		}
	}
	c.tags++
	cmd.Tag, cmd.behind = "M"+strconv.Itoa(c.tags), len(c.pending) > 0
	c.pending = append(c.pending, cmd)
	c.w.WriteString(cmd.Tag + " ")
	for i, p := range cmd.parts {
		if err := c.sendPart(cmd, p, i == 0); err != nil || cmd.Done {
			return err
		}
	}
	c.w.WriteString("\r\n")
	return c.flush()
}

// StartAll sends commands; nil ones are left out. After a connection was lost while several were
// under way, each is answered before the next is sent, so that another loss is certainly due to it.
func (c *Conn) StartAll(cmds ...*Command) error {
	for _, cmd := range cmds {
		if cmd == nil {
			continue
		}
		if err := c.Start(cmd); err != nil {
			return err
		}
		if c.quirks.wary.Load() {
			if err := c.Wait(cmd); c.dead != nil {
				return err
			}
		}
	}
	return nil
}

// Introduced waits until the server has answered the commands that follow the login. A refusal has
// no effect.
func (c *Conn) Introduced() error {
	for _, cmd := range c.introduction {
		if err := c.Wait(cmd); err != nil && c.dead != nil {
			return err
		}
	}
	c.introduction = nil
	return nil
}

func (c *Conn) sendPart(cmd *Command, p part, first bool) error {
	line := p.text
	if p.literal != nil {
		line = append(slices.Clip(p.text), c.announce(p.literal)...)
	}
	c.trace.sent(cmd.shown(line, first))
	c.w.Write(line)
	if p.literal == nil {
		return nil
	}
	if !c.needsNoContinuation(p.literal) {
		if err := c.awaitContinuation(cmd); err != nil || cmd.Done {
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
		// The announced length can neither be filled with true bytes nor taken back.
		return c.fail(&handlerError{err})
	}
	return nil
}

// awaitContinuation waits until the server sends a continuation request, or answers the command
// instead (RFC 9051 section 2.2.1). A server that collects small writes (Nagle's algorithm;
// Courier) holds the request back until its previous answer is acknowledged. The kernel of this
// host would delay that by 40 ms, for every message of a restore.
func (c *Conn) awaitContinuation(cmd *Command) error {
	c.continued = false
	if err := c.flush(); err != nil {
		return err
	}
	c.socket.QuickAck = true
	defer func() { c.socket.QuickAck = false }()
	for !c.continued && !cmd.Done {
		if err := c.readResponse(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) flush() error {
	err := c.w.Flush()
	if err == nil && c.flusher != nil {
		err = c.flusher.Flush()
	}
	if err != nil {
		return c.writeFailed(err)
	}
	return nil
}

// writeFailed reads what the server sent before it closed the connection, which explains more than
// a broken pipe.
func (c *Conn) writeFailed(err error) error {
	if !errors.Is(err, netconn.ErrStalled) {
		for c.dead == nil {
			c.readResponse()
		}
	}
	return c.fail(err)
}

// announce returns a literal's length: "{310}", or "{310+}" if no continuation request is needed.
func (c *Conn) announce(l *literal) string {
	s := "{" + strconv.FormatInt(l.size, 10)
	if l.binary {
		s = "~" + s
	}
	if c.needsNoContinuation(l) {
		s += "+"
	}
	return s + "}\r\n"
}

// needsNoContinuation reports whether a literal can follow at once: LITERAL+ allows any size,
// LITERAL- up to 4,096 bytes (RFC 7888).
func (c *Conn) needsNoContinuation(l *literal) bool {
	if c.quirks.sequential.Load() {
		return false
	}
	return c.caps.has("LITERAL+") || c.caps.has("LITERAL-") && l.size <= 4096
}

// probeForLoss sends a NOOP when nothing comes and a command is under way that was sent behind
// another. A slow server answers the commands first. A server that answers only the NOOP has lost
// them.
func (c *Conn) probeForLoss() {
	if len(c.pending) == 0 || !c.pending[len(c.pending)-1].behind || c.probe != nil || c.socket.QuickAck ||
		c.dead != nil {
		return
	}
	c.tags++
	c.probe = NewCommand("NOOP")
	c.probe.Tag = "M" + strconv.Itoa(c.tags)
	c.pending = append(c.pending, c.probe)
	c.w.WriteString(c.probe.Tag + " NOOP\r\n")
	if c.w.Flush() == nil && c.flusher != nil {
		c.flusher.Flush()
	}
}

// errCommandsLost means that the server answered a later command and not the earlier ones. It obeys
// the first command that it reads and drops the rest, so commands must be sent one at a time.
var errCommandsLost = errors.New("the server lost commands that were sent while it was answering another one")
