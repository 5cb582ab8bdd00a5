package imapclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// statusItems returns the numbers to ask of a mailbox. HIGHESTMODSEQ may only be asked if
// mod-sequences are offered (RFC 7162 section 3.1.7).
func (c *Client) statusItems(mailboxID bool) string {
	items := "MESSAGES UIDNEXT UIDVALIDITY"
	if c.hasModSeqs() {
		items += " HIGHESTMODSEQ"
	}
	if mailboxID && c.Has("OBJECTID") {
		items += " MAILBOXID"
	}
	return items
}

// parseStatus reads the pairs of a STATUS response. ok is false if a number is missing that every
// mailbox has.
func parseStatus(pairs []wire.Node) (s mail.Status, ok bool) {
	value := func(name string) wire.Node {
		n, _ := wire.Attribute(pairs, name)
		return n
	}
	var okMessages, okNext, okValidity bool
	s.Messages, okMessages = number32(value("MESSAGES"))
	s.UIDNext, okNext = number32(value("UIDNEXT"))
	s.UIDValidity, okValidity = number32(value("UIDVALIDITY"))
	s.HighestModSeq, _ = value("HIGHESTMODSEQ").Number()
	s.MailboxID = mailboxID(value("MAILBOXID"))
	return s, okMessages && okNext && okValidity
}

// mailboxID reads a MAILBOXID. It returns "" if RFC 8474 does not allow the value.
func mailboxID(n wire.Node) string { return mail.ObjectID(objectID(n)) }

// objectID reads "(F2212ea87)" (RFC 8474 section 7), or the bare id.
func objectID(n wire.Node) string {
	if n.Kind == wire.List && len(n.List) > 0 {
		n = n.List[0]
	}
	if len(n.Text) > maxServerText {
		return ""
	}
	return string(n.Bytes())
}

// number32 reads a number of 32 bits.
func number32(n wire.Node) (uint32, bool) {
	v, ok := n.Number()
	if !ok || v > math.MaxUint32 {
		return 0, false
	}
	return uint32(v), true
}

func statusOf(raw string) *imap.Command { return imap.NewCommand("STATUS").Mailbox(raw).Optional() }

// statusWindow bounds the STATUS commands in flight, so that their text fits the buffers of both
// sides.
const statusWindow = 50

// status asks for the numbers of mailboxes, with many commands in flight. A mailbox whose numbers
// the server refuses keeps a nil Status; the refusal concerns that mailbox alone. A mailbox whose
// STATUS may have cost a connection is asked alone, after the others, so that another loss is
// certainly due to it.
func (c surveyor) status(mailboxes []*mail.Mailbox, items string) error {
	answers := newStatusAnswers(c.Client)
	var underWay []*imap.Command
	finish := func(left int) error {
		for len(underWay) > left {
			if err := c.Wait(underWay[0]); err != nil && !c.Alive() {
				return err
			}
			underWay = underWay[1:]
		}
		return nil
	}
	cautious := func(m *mail.Mailbox) int { return c.Losses(statusOf(m.Raw).Name) }
	mailboxes = slices.Clone(mailboxes)
	slices.SortStableFunc(mailboxes, func(a, b *mail.Mailbox) int { return cmp.Compare(cautious(a), cautious(b)) })
	for _, m := range mailboxes {
		cmd := statusOf(m.Raw).Raw(" (" + items + ")")
		if c.Avoids(cmd.Name) {
			break
		}
		cmd.OnResponse = answers.add
		atOnce := statusWindow
		if cautious(m) > 0 {
			atOnce = 0
		}
		if err := finish(atOnce); err != nil {
			return err
		}
		if err := c.Start(cmd); err != nil {
			return err
		}
		underWay = append(underWay, cmd)
	}
	if err := finish(0); err != nil {
		return err
	}
	for _, m := range mailboxes {
		answers.fill(m)
	}
	return nil
}

// Status returns the numbers of one mailbox.
func (c *Client) Status(ctx context.Context, raw string) (mail.Status, error) {
	answers := newStatusAnswers(c)
	cmd := statusOf(raw).Raw(" (" + c.statusItems(true) + ")")
	cmd.OnResponse = answers.add
	if c.Avoids(cmd.Name) {
		return mail.Status{}, c.WhyAvoided(cmd.Name)
	}
	if err := c.Do(ctx, cmd); err != nil {
		return mail.Status{}, err
	}
	m := mail.Mailbox{Raw: raw}
	if answers.fill(&m); m.Status == nil {
		return mail.Status{}, fmt.Errorf("%s: the server gave no numbers: %q", cmd.Name, answers.incomplete)
	}
	return *m.Status, nil
}

// statusAnswers are STATUS responses by mailbox: by raw name, and by key.
type statusAnswers struct {
	client       *Client
	exact, byKey map[string]statusAnswer
	held         memoryCount
	incomplete   string // the latest response without the numbers
}

type statusAnswer struct {
	status   mail.Status
	complete bool
}

func newStatusAnswers(c *Client) *statusAnswers {
	return &statusAnswers{client: c, exact: map[string]statusAnswer{}, byKey: map[string]statusAnswer{}}
}

func (a *statusAnswers) add(resp *wire.Response) (bool, error) {
	if resp.Name != "STATUS" || len(resp.Args) < 2 {
		return false, nil
	}
	pairs := slices.IndexFunc(resp.Args, func(n wire.Node) bool { return n.Kind == wire.List })
	if pairs < 1 {
		return false, nil
	}
	status, ok := parseStatus(resp.Args[pairs].List)
	if !ok {
		a.incomplete = printable.Text(resp.Args[pairs].String())
	}
	raw, answer := mailboxName(resp.Args[:pairs]), statusAnswer{status, ok}
	if _, again := a.exact[raw]; !again {
		if err := errors.Join(checkName(raw), a.held.add(mailboxMemory/2+3*len(raw), "mailboxes")); err != nil {
			return false, err
		}
	}
	a.exact[raw], a.byKey[a.client.names().key(raw)] = answer, answer
	return true, nil
}

// fill sets a mailbox's Status, or only adds a MAILBOXID if the response has nothing else.
func (a *statusAnswers) fill(m *mail.Mailbox) {
	answer, found := a.exact[m.Raw]
	if !found {
		answer, found = a.byKey[a.client.names().key(m.Raw)]
	}
	switch {
	case found && answer.complete:
		m.Status = &answer.status
	case found && m.Status != nil && answer.status.MailboxID != "":
		m.Status.MailboxID = answer.status.MailboxID
	}
}
