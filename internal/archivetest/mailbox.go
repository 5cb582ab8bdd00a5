package archivetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// Mailbox is a mailbox of an Account. It counts up its UIDs and mod-sequences as a server does.
type Mailbox struct {
	Name       string
	Subscribed bool
	attributes []string
	Validity   uint32
	Next       mail.UID
	Modseq     uint64
	Messages   []*Message
	gone       map[mail.UID]uint64
}

// Message is a message of a Mailbox.
type Message struct {
	UID    mail.UID
	Flags  mail.Flags
	Date   string
	ID     string // stays with a message that is moved or copied
	Body   []byte
	Size   int64 // as RFC822.SIZE has it; 0: that of Body
	Modseq uint64
}

// Add adds a message with the next UID, and with a date that follows from it.
func (m *Mailbox) Add(body string, flags ...string) *Message {
	m.Modseq++
	msg := &Message{UID: m.Next, ID: fmt.Sprintf("%s-%d-%d", m.Name, m.Validity, m.Next), Flags: mail.NewFlags(flags...), Body: []byte(body), Modseq: m.Modseq,
		Date: time.Unix(1e9+int64(m.Next)*60, 0).UTC().Format("_2-Jan-2006 15:04:05 -0700")}
	m.Next++
	m.Messages = append(m.Messages, msg)
	return msg
}

// SetFlags replaces the flags of a message.
func (m *Mailbox) SetFlags(uid mail.UID, flags ...string) {
	m.Modseq++
	for _, msg := range m.Messages {
		if msg.UID == uid {
			msg.Flags, msg.Modseq = mail.NewFlags(flags...), m.Modseq
		}
	}
}

// Expunge removes a message.
func (m *Mailbox) Expunge(uid mail.UID) {
	m.Modseq++
	m.gone[uid] = m.Modseq
	m.Messages = slices.DeleteFunc(m.Messages, func(msg *Message) bool { return msg.UID == uid })
}

// CopyTo copies a message as servers do, with its flags, date and id.
func (m *Mailbox) CopyTo(to *Mailbox, uid mail.UID) {
	for _, msg := range m.Messages {
		if msg.UID == uid {
			to.Modseq++
			c := *msg
			c.UID, c.Modseq = to.Next, to.Modseq
			to.Next++
			to.Messages = append(to.Messages, &c)
			return
		}
	}
}

// MoveTo moves a message, which gets another UID.
func (m *Mailbox) MoveTo(to *Mailbox, uid mail.UID) {
	m.CopyTo(to, uid)
	m.Expunge(uid)
}

// Reset gives the mailbox another UIDVALIDITY, and its messages other UIDs.
func (m *Mailbox) Reset() {
	m.Validity += 100
	for i, msg := range m.Messages {
		msg.UID = mail.UID(i + 1)
	}
	m.Next = mail.UID(len(m.Messages) + 1)
}
