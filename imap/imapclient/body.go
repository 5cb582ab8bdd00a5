package imapclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/spool"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Sizes of commands for bodies: large enough that no round trip is waited for, small enough that an
// interruption costs little.
const (
	batchMessages  = 250
	batchBytes     = 8 << 20 // by the expected sizes; a larger message has a command of its own
	bodiesInFlight = 3       // commands at once
	unknownSize    = 64 << 10
)

// Bodies fetches messages and calls read with each, once, in the order in which the server sends
// them.
//
// Bodies sends no command while read runs. So if the caller stops reading, the server has at most
// three commands to answer. If the server refuses a command, the others go on, and Bodies returns
// the refusals at the end. A message of more than mail.MaxMessage bytes ends the connection; the
// error is then a mail.TooLargeError.
func (m *Mailbox) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	return m.sections(ctx, "", messages, read)
}

// Headers is Bodies for the headers alone. The sizes of messages are those expected of the headers.
func (m *Mailbox) Headers(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	return m.sections(ctx, "HEADER", messages, read)
}

func (m *Mailbox) sections(ctx context.Context, section string, messages []mail.Message,
	read func(mail.UID, io.Reader) error) error {
	f := &bodyFetch{m: m, section: "[" + section + "]", read: read, due: map[mail.UID]bool{}}
	defer f.dropHeld()
	next := m.next
	m.next = mail.UIDRange{}
	var ahead *expected
	defer func() { m.arrived(ahead) }()
	return m.c.pipeline(ctx, bodiesInFlight, func() (cmd, last *imap.Command) {
		if len(messages) == 0 {
			return nil, nil
		}
		var batch []mail.Message
		batch, messages = nextBatch(messages)
		if len(messages) == 0 {
			if ahead = m.expect(next, m.modSeq()); ahead != nil {
				last = ahead.cmd
			}
		}
		return f.command(batch), last
	})
}

// pipeline sends the commands that next returns, atOnce at a time, until next returns nil, and
// waits for all. A refusal does not stop the others, unless it is temporary. next can return a last
// command beside one. Nothing depends on it, so pipeline ignores what becomes of it.
func (c *Client) pipeline(ctx context.Context, atOnce int, next func() (cmd, last *imap.Command)) error {
	defer c.CloseOnDone(ctx)()
	var refusals []error
	var sent []*imap.Command
	var last *imap.Command
	ended := false
	for {
		for len(sent) < atOnce && !ended {
			cmd, after := next()
			if ended = cmd == nil; ended {
				break
			}
			if err := c.Start(cmd); err != nil {
				return c.OrCause(ctx, err)
			}
			if sent = append(sent, cmd); after != nil && c.Start(after) == nil {
				sent, last = append(sent, after), after
			}
		}
		if len(sent) == 0 {
			return errors.Join(refusals...)
		}
		err := c.Wait(sent[0])
		if sent[0] == last {
			return errors.Join(refusals...)
		}
		if !c.Alive() {
			return c.OrCause(ctx, err)
		}
		if err != nil && !expungeIssued(err) {
			refusals = append(refusals, err)
			ended = ended || len(refusals) == 1 && errors.Is(err, mail.ErrTemporary) // commands in flight are still answered
		}
		sent = sent[1:]
	}
}

// nextBatch splits off the messages of one command.
func nextBatch(messages []mail.Message) (batch, rest []mail.Message) {
	var total int64
	for i, m := range messages {
		size := m.Size
		if size < 0 {
			size = unknownSize
		}
		size = min(size, mail.MaxMessage) // so that sums do not overflow
		if i > 0 && (i == batchMessages || total+size > batchBytes) {
			return messages[:i], messages[i:]
		}
		total += size
	}
	return messages, nil
}

// bodyFetch is the state of one call of Bodies or Headers.
type bodyFetch struct {
	m       *Mailbox
	section string // "[]" is the whole message, "[HEADER]" its header
	read    func(mail.UID, io.Reader) error
	due     map[mail.UID]bool // requested and not delivered
	held    *spool.Buffer     // the body of the current response, if it came before its UID
}

func (f *bodyFetch) command(batch []mail.Message) *imap.Command {
	var uids mail.UIDSet
	for _, m := range batch {
		uids.Add(m.UID)
		f.due[m.UID] = true
	}
	cmd := imap.NewCommand("UID FETCH").Raw(" " + uids.String() + " (UID BODY.PEEK" + f.section + ")")
	cmd.OnBody, cmd.OnResponse = f.onBody, f.onResponse
	return cmd
}

// onBody reads a body off the connection and passes it to read. The UID that precedes the body in
// the response says which message it is of. If no UID precedes it, onBody keeps the body in f.held
// for onResponse: the UID may still come, and a sequence number does not identify a message
// reliably.
func (f *bodyFetch) onBody(b *wire.BodyLiteral) error {
	if !wire.EqualFold([]byte(b.Name), "BODY"+f.section) {
		return nil // not requested
	}
	n, found := wire.Attribute(b.Before, "UID")
	if !found {
		if b.Size > mail.MaxMessage {
			return tooLarge(0, b.Size)
		}
		f.dropHeld()
		f.held = &spool.Buffer{}
		if _, err := io.Copy(f.held, b.Content); err != nil && b.Content.Err == nil {
			return imap.HandlerError(err)
		}
		return b.Content.Err
	}
	v, _ := n.Number()
	uid, ok := wire.ToUID(v)
	if !ok || !f.due[uid] {
		return nil
	}
	if b.Size > mail.MaxMessage {
		return tooLarge(uid, b.Size)
	}
	return f.deliver(uid, f.m.c.BodyReader(b))
}

// tooLarge ends the connection, because the only way past a literal is to read it.
func tooLarge(uid mail.UID, size int64) error {
	return imap.HandlerError(&mail.TooLargeError{UID: uid, Size: size})
}

// onResponse handles a complete response, after onBody has read the literals in it. It delivers the
// body that onBody kept, if the UID came after it, and a body that is a quoted string (RFC 9051
// section 9, nstring). NIL is no body. A quoted string that runs over several lines, or has a quote
// that is not escaped, is no body either: what can be read of it may be its beginning.
func (f *bodyFetch) onResponse(resp *wire.Response) (bool, error) {
	if resp.Name != "FETCH" || len(resp.Args) == 0 {
		return false, nil
	}
	defer f.dropHeld()
	uid, ok := f.m.uidOf(resp)
	value, found := wire.Attribute(resp.Args[0].List, "BODY"+f.section)
	if !ok || !found || !f.due[uid] {
		return found || f.due[uid], nil // attributes alone can belong to an expected answer
	}
	switch {
	case value.Kind == wire.Streamed && f.held != nil:
		content, err := f.held.Open()
		if err != nil {
			return true, imap.HandlerError(err)
		}
		return true, f.deliver(uid, content)
	case value.Kind == wire.String && !value.Ragged:
		return true, f.deliver(uid, bytes.NewReader(value.Text))
	}
	return true, nil
}

// deliver calls read with a message. If the connection is lost, deliver returns its error, whatever
// read returned.
func (f *bodyFetch) deliver(uid mail.UID, content io.Reader) error {
	delete(f.due, uid)
	err := f.read(uid, content)
	if lost := f.m.c.Err(); lost != nil {
		return lost
	}
	if err == nil {
		var one [1]byte
		if n, _ := content.Read(one[:]); n > 0 {
			err = fmt.Errorf("the body of message %d was not read to its end", uid)
		}
	}
	if err != nil {
		return imap.HandlerError(err)
	}
	return nil
}

func (f *bodyFetch) dropHeld() {
	if f.held != nil {
		f.held.Drop()
		f.held = nil
	}
}
