package imaprestore

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// A server may be unable to deliver a message: Dovecot closes the connection at a file of a Maildir
// that is shorter than its name says. Such a message is no copy of anything, and must not keep a
// restore from the others.

// section is imapclient.Mailbox.Bodies or Headers.
type section func(*imapclient.Mailbox, context.Context, []mail.Message, func(mail.UID, io.Reader) error) error

// readEach reads messages that are there, and calls read with each. read may be called again with a
// message of which it returned an error. readEach leaves out the messages that the server cannot
// deliver: those that it refuses alone, and those that cost the connection alone twice, after all
// others were read.
func (s *session) readEach(ctx context.Context, get section, messages []mail.Message,
	read func(mail.UID, io.Reader) error) error {
	left := slices.DeleteFunc(messages, func(m mail.Message) bool { return s.undelivered.Contains(m.UID) })
	var suspects []mail.Message
	for len(left) > 0 {
		rest, err := s.readOnce(ctx, get, left, read)
		if err == nil {
			break // what did not come is gone
		}
		if len(rest) == 0 || !s.concernsMessages(err) || ctx.Err() != nil {
			return err
		}
		if s.c.Alive() { // some were refused: the answer does not say which
			suspects = append(suspects, rest...)
			break
		}
		suspects, left = append(suspects, rest[0]), rest[1:]
		if err := s.waitAndReconnect(ctx, 0, err); err != nil {
			return err
		}
	}
	inARow := 0
	for _, m := range suspects {
		undelivered, err := s.readAlone(ctx, get, m, read)
		if err != nil {
			return err
		}
		if inARow++; undelivered == nil {
			inARow = 0
		} else if inARow > maxInARow || s.undelivered.Len() == maxUndelivered {
			return fmt.Errorf("read mailbox %s: %w", wire.PrintableName(s.place.Name), undelivered)
		} else {
			s.undelivered.Add(m.UID)
		}
	}
	return nil
}

const (
	// maxInARow is how many suspects may fail in a row. If more fail, the server is at fault, not
	// the messages.
	maxInARow = 10

	// maxUndelivered bounds the connections that the messages of one mailbox may cost.
	maxUndelivered = 100
)

// readOnce reads messages, and returns those that did not come as a whole.
func (s *session) readOnce(ctx context.Context, get section, messages []mail.Message,
	read func(mail.UID, io.Reader) error) (rest []mail.Message, err error) {
	came := map[mail.UID]bool{}
	err = get(s.mailbox, ctx, messages, func(uid mail.UID, text io.Reader) error {
		err := read(uid, text)
		came[uid] = err == nil
		return err
	})
	return slices.DeleteFunc(slices.Clone(messages), func(m mail.Message) bool { return came[m.UID] }), err
}

// readAlone reads one message. undelivered says why the server cannot deliver it.
func (s *session) readAlone(ctx context.Context, get section, m mail.Message,
	read func(mail.UID, io.Reader) error) (undelivered, err error) {
	for range 2 {
		_, undelivered = s.readOnce(ctx, get, []mail.Message{m}, read)
		if undelivered == nil {
			return nil, nil
		}
		if !s.concernsMessages(undelivered) || ctx.Err() != nil {
			return nil, undelivered
		}
		if s.c.Alive() {
			break
		}
		if err := s.waitAndReconnect(ctx, 0, undelivered); err != nil {
			return nil, err
		}
	}
	return undelivered, nil
}

// concernsMessages reports whether an error may concern single messages: a refusal, or the end of
// the connection. A refusal for now concerns the server.
func (s *session) concernsMessages(err error) bool { return refused(err) || !s.c.Alive() }

// listEach lists the messages of a range, and calls note with each. It leaves out those that the
// server cannot list: Dovecot reads a file of a Maildir whose name does not have its size, and may
// fail as it does at a body.
func (s *session) listEach(ctx context.Context, all mail.UIDRange, note func(mail.Message) error) error {
	var listed mail.UIDSet
	lost, err := s.list(ctx, all, &listed, note)
	if lost == nil || err != nil {
		return err
	}
	uids, err := s.mailbox.UIDs(ctx, all)
	if err != nil {
		return err
	}
	return s.listInHalves(ctx, slices.Collect(uids.Without(listed).All()), &listed, note)
}

// listInHalves lists messages, and divides them for as long as the connection is lost.
func (s *session) listInHalves(ctx context.Context, uids []mail.UID, listed *mail.UIDSet,
	note func(mail.Message) error) error {
	if len(uids) == 0 {
		return nil
	}
	lost, err := s.list(ctx, mail.UIDRange{First: uids[0], Last: uids[len(uids)-1]}, listed, note)
	switch {
	case lost == nil || err != nil:
		return err
	case len(uids) == 1 && s.undelivered.Len() == maxUndelivered:
		return lost
	case len(uids) == 1:
		s.undelivered.Add(uids[0])
		return nil
	}
	half := len(uids) / 2
	if err := s.listInHalves(ctx, uids[:half], listed, note); err != nil {
		return err
	}
	return s.listInHalves(ctx, uids[half:], listed, note)
}

// list lists a range once. If the connection is lost, list connects again, and lost says why it
// was.
func (s *session) list(ctx context.Context, uids mail.UIDRange, listed *mail.UIDSet,
	note func(mail.Message) error) (lost, err error) {
	for m, err := range s.mailbox.Overview(ctx, uids) {
		if err != nil && !s.c.Alive() && ctx.Err() == nil {
			return err, s.waitAndReconnect(ctx, 0, err)
		}
		if err == nil && !listed.Contains(m.UID) {
			listed.Add(m.UID)
			err = note(m)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
