package imapclient

import (
	"context"

	"github.com/mailstrata/mailstrata/mail"
)

// trusted are the attributes that go into the archive as the server gives them. An answer without
// one of them, or with a date that is no date, may be a fault of the moment. So these messages are
// asked for once more, alone. A missing size is no matter, because it is only a hint.
const trusted = hasFlags | hasDate | hasLabels

// lacks returns what is needed of a message and goes into the archive, and has not come.
func (c *collector) lacks(p *partial) attributes { return c.need & trusted &^ p.has }

// complete asks once more for the messages of which something has not come, delivers what is left
// as it is, and delivers the error, which is that of the first question. A refusal of the second
// question changes nothing.
func (c *collector) complete(ctx context.Context, items string, err error) {
	if err == nil && !c.stopped {
		err = c.askAgain(ctx, items)
	}
	c.finish(err)
}

// askAgain asks for a limited number of messages at a time, because the answers may come in pieces.
func (c *collector) askAgain(ctx context.Context, items string) error {
	for uid, p := range c.partials {
		if c.lacks(p) == 0 {
			continue
		}
		if err := c.lacking.Add(mail.UIDRange{First: uid, Last: uid}); err != nil {
			return err
		}
	}
	c.asking = true
	clear(c.withoutUID)
	var batch mail.UIDSet
	left := c.lacking.Set().Len()
	for uid := range c.lacking.Set().All() {
		batch.Add(uid)
		if left--; left > 0 && batch.Len() < maxPartials {
			continue
		}
		if err := c.askBatch(ctx, batch, items); err != nil || c.stopped {
			return err
		}
		batch = mail.UIDSet{}
	}
	return nil
}

// askBatch asks for some messages, and delivers those for which there is an answer.
func (c *collector) askBatch(ctx context.Context, uids mail.UIDSet, items string) error {
	if err := c.do(ctx, c.command(uids, items, "")); !c.m.c.Alive() {
		return err
	}
	for uid := range uids.All() {
		if err := c.deliverIncomplete(uid); err != nil {
			return err
		}
	}
	return nil
}

// deliverUnanswered delivers the messages that were in the first answer and not in the second. They
// may be gone, but that is not for the collector to say.
func (c *collector) deliverUnanswered() error {
	for uid := range c.lacking.Set().Without(c.delivered.Set()).All() {
		m := mail.Message{UID: uid, Size: -1, Internal: noDate, Lacks: lackOf(c.need & trusted)}
		if err := c.deliver(m); err != nil {
			return err
		}
	}
	return nil
}

func lackOf(missing attributes) (lack mail.Lack) {
	if missing&hasFlags != 0 {
		lack |= mail.LacksFlags
	}
	if missing&hasLabels != 0 {
		lack |= mail.LacksLabels
	}
	if missing&hasDate != 0 {
		lack |= mail.LacksDate
	}
	return lack
}
