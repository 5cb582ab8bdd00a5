package imapclient

import (
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
)

// expected is the answer to a call of Messages that is yet to come. It is requested together with
// what the caller does before, so that a server that is far away costs no round trip for it.
//
// Nothing depends on it: if the server refuses it, or the connection is lost meanwhile, Messages
// asks again, and that answer counts.
type expected struct {
	uids     mail.UIDRange
	modSeq   bool // mod-sequences were requested
	cmd      *imap.Command
	answer   *collector
	messages []mail.Message
}

// maxExpected is how many UIDs an expected range may have, because the messages are held until the
// call.
const maxExpected = 4000

// expect returns the question of Messages, or nil if it is not to be sent ahead: the range is empty
// or large, or the server has trouble with several commands at once.
func (m *Mailbox) expect(uids mail.UIDRange, modSeq bool) *expected {
	if uids.First == 0 || uids.Len() > maxExpected || m.c.Careful() {
		return nil
	}
	e := &expected{uids: uids, modSeq: modSeq}
	need := m.c.needed(hasFlags | hasDate | hasSize | hasLabels)
	e.answer = newCollector(m, uids, need, func(message mail.Message, err error) bool {
		if err == nil {
			e.messages = append(e.messages, message)
		}
		return true
	})
	e.cmd = e.answer.command(setOf(uids), m.c.fetchItems(modSeq), "")
	return e
}

// arrived keeps the answer for the next call of Messages, if it is complete.
func (m *Mailbox) arrived(e *expected) {
	if m.expected = nil; e == nil || !e.cmd.Done || e.cmd.Err != nil && !expungeIssued(e.cmd.Err) {
		return
	}
	if m.c.Alive() {
		m.expected = e
	}
}

// takeExpected returns the answer for a range if it has been requested ahead, once, or nil.
func (m *Mailbox) takeExpected(uids mail.UIDRange) *expected {
	e := m.expected
	m.expected = nil
	if e == nil || e.uids != uids || e.modSeq != m.modSeq() {
		return nil
	}
	return e
}

// Expect announces that Messages will be called with this range after the next call of Bodies,
// which then requests both.
func (m *Mailbox) Expect(uids mail.UIDRange) { m.next = uids }
