package imapclient

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/mail"
)

// attributes are the attributes of a message that FETCH responses have brought.
type attributes uint8

const (
	hasFlags attributes = 1 << iota
	hasDate
	hasSize
	hasLabels
)

// modSeq reports whether the mailbox has mod-sequences (RFC 7162 section 3.1.2).
func (m *Mailbox) modSeq() bool { return m.status.HighestModSeq > 0 }

// hasModSeqs reports whether mod-sequences are offered. QRESYNC implies CONDSTORE (RFC 7162 section
// 3.2.3).
func (c *Client) hasModSeqs() bool { return c.Has("CONDSTORE") || c.Has("QRESYNC") }

// fetchItems returns the attributes to ask of every message: all but ENVELOPE and BODYSTRUCTURE,
// which servers get wrong and which repeat what is in the body.
func (c *Client) fetchItems(modSeq bool) string {
	items := "UID FLAGS INTERNALDATE RFC822.SIZE"
	if modSeq && !c.plain { // a mailbox without mod-sequences answers BAD to it (RFC 7162 section 3.1.2.2)
		items += " MODSEQ"
	}
	for _, extra := range c.extraItems() {
		items += " " + extra
	}
	return items
}

func (c *Client) extraItems() (items []string) {
	if c.plain {
		return nil
	}
	if c.Has("OBJECTID") {
		items = append(items, "EMAILID", "THREADID")
	}
	if c.Has("SAVEDATE") {
		items = append(items, "SAVEDATE")
	}
	if c.IsGmail() {
		items = append(items, "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS")
	}
	if c.ServerIs("Dovecot") { // it has no capability for it
		items = append(items, "X-GUID")
	}
	return items
}

// Messages fetches all but the bodies of every message of the range. If the range was expected, the
// answer is there.
func (m *Mailbox) Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	e := m.takeExpected(uids)
	if e == nil {
		return m.fetch(ctx, uids, hasFlags|hasDate|hasSize|hasLabels, m.c.fetchItems, "")
	}
	return func(yield func(mail.Message, error) bool) {
		for _, message := range e.messages {
			if !yield(message, nil) {
				return
			}
		}
		e.answer.yield = yield
		e.answer.complete(ctx, m.c.fetchItems(e.modSeq), nil)
	}
}

// Flags fetches what can change of every message of the range.
func (m *Mailbox) Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return m.fetch(ctx, uids, hasFlags|hasLabels, m.c.flagItems, "")
}

// Facts fetches what can change of every message of the range, and also its size and date.
func (m *Mailbox) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	items := func(modSeq bool) string { return m.c.flagItems(modSeq) + " INTERNALDATE RFC822.SIZE" }
	return m.fetch(ctx, uids, hasFlags|hasDate|hasSize|hasLabels, items, "")
}

// fetch yields each message of the range as soon as it has what is needed; labels are needed only
// if the server has them. items returns the attributes to ask for. If the server answers BAD to
// attributes of extensions, fetch asks again without them. modifier is one of FETCH, such as
// (CHANGEDSINCE 70); a refusal of it is final. Then a message that did not change may be reported
// as well, for example with a new mod-sequence alone (RFC 7162 section 3.2). It must not seem to
// have no flags, so it is asked for its flags as any other message without them.
func (m *Mailbox) fetch(ctx context.Context, uids mail.UIDRange, need attributes, items func(modSeq bool) string,
	modifier string) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		modSeq := m.modSeq() || modifier != ""
		g := newCollector(m, uids, m.c.needed(need), yield)
		err := g.fetch(ctx, items(modSeq), modifier)
		if modifier == "" && g.refusesExtensions(err) {
			err = g.fetch(ctx, items(modSeq), "")
		}
		g.complete(ctx, items(modSeq), err)
	}
}

// needed returns the attributes without those that the server does not have.
func (c *Client) needed(need attributes) attributes {
	if !c.IsGmail() || c.plain {
		need &^= hasLabels
	}
	return need
}

func (c *Client) flagItems(modSeq bool) string {
	items := "UID FLAGS"
	if modSeq && !c.plain {
		items += " MODSEQ"
	}
	if c.IsGmail() && !c.plain {
		items += " X-GM-LABELS"
	}
	return items
}

// Overview fetches the flags, date and size of every message of the range.
func (m *Mailbox) Overview(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		const items = "UID FLAGS INTERNALDATE RFC822.SIZE"
		g := newCollector(m, uids, hasFlags|hasDate|hasSize, yield)
		g.complete(ctx, items, g.fetch(ctx, items, ""))
	}
}
