package view

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/manifest"
)

// Mailbox is a mailbox of a view.
type Mailbox struct {
	Name       string   // in modified UTF-7 (RFC 3501 section 5.1.3)
	Delimiter  string   // one character
	Attributes []string // \Noselect, \NonExistent, \Noinferiors
	SpecialUse []string // RFC 6154
	Subscribed bool
	Selectable bool

	Archived *manifest.Mailbox // as the night has it; nil in a view of all nights

	numbers Numbers
	load    func(context.Context) (*List, error)
}

// Numbers are what is known of a mailbox without its messages.
type Numbers struct {
	Messages    int64
	Bytes       int64
	UIDValidity uint32 // not 0
	UIDNext     uint32 // above every UID
}

// Open returns the messages of a mailbox that is Selectable.
func (m *Mailbox) Open(ctx context.Context) (*List, error) { return m.load(ctx) }

// Numbers returns the numbers of a mailbox that is Selectable.
func (m *Mailbox) Numbers(ctx context.Context) (Numbers, error) {
	if m.numbers.UIDValidity != 0 && m.numbers.UIDNext != 0 {
		return m.numbers, nil
	}
	list, err := m.load(ctx)
	if err != nil {
		return Numbers{}, err
	}
	return list.Numbers, nil
}

// Mailbox returns the mailbox with a name, or nil. The case of INBOX does not matter.
func (v *View) Mailbox(name string) *Mailbox {
	if strings.EqualFold(name, "INBOX") {
		name = "INBOX"
	}
	for _, m := range v.Mailboxes {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Raw returns the mailbox of a night whose name on the server was raw, or nil.
func (v *View) Raw(raw string) *Mailbox {
	for _, m := range v.Mailboxes {
		if m.Archived != nil && m.Archived.Raw == raw {
			return m
		}
	}
	return nil
}

// validityOf returns the UIDVALIDITY of a mailbox. If its server gave none, it is a hash of what
// the mailbox has, so that a client never takes one message for another.
func validityOf(m *manifest.Mailbox) uint32 {
	if v := m.UIDValidity(); v != 0 {
		return v
	}
	return hashNumber(listKey(m))
}

// hashNumber returns a number that is not 0 and depends on a text alone.
func hashNumber(text string) uint32 {
	sum := blake3.Sum256([]byte(text))
	return max(binary.BigEndian.Uint32(sum[:]), 1)
}

// nextUID returns the UIDNEXT that the server gave, or 0.
func nextUID(m *manifest.Mailbox) uint32 {
	if m.Status == nil {
		return 0
	}
	return m.Status.UIDNext
}
