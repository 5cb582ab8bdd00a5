package imap

import "errors"

// errOvertaken: the server answered a later command and not the ones before. It obeys the first command that it reads and
// drops the rest, so commands must be sent one at a time.
var errOvertaken = errors.New("the server lost commands that were sent while it was answering another one")

// nudge sends a NOOP when several commands are under way and nothing comes. A slow server answers the commands first. A server
// that answers only the NOOP has lost them.
func (c *Client) nudge() {
	if len(c.pending) < 2 || c.probe != nil || c.socket.QuickAck || c.dead != nil {
		return
	}
	c.tags++
	c.probe = newCommand("NOOP")
	c.probe.tag = tagOf(c.tags)
	c.pending = append(c.pending, c.probe)
	c.w.WriteString(c.probe.tag + " NOOP\r\n")
	if c.w.Flush() == nil && c.flusher != nil {
		c.flusher.Flush()
	}
}
