package imapclient

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Mailbox is the mailbox that a Client has open, until the Client opens another one or closes it.
type Mailbox struct {
	c        *Client
	name     string // raw
	readOnly bool   // opened by EXAMINE
	status   mail.Status

	permanentFlags []string // that can be set; \* stands for new keywords
	flagsLimited   bool     // the server sent permanentFlags: if not, every flag can be set (RFC 9051 section 6.3.2)

	next     mail.UIDRange // what Messages will be called with after the next Bodies
	expected *expected     // what Messages will return for its range; nil: nothing

	messages uint64              // EXISTS
	uids     map[uint64]mail.UID // of recent sequence numbers
}

// Status returns the numbers of the mailbox when it was opened.
func (m *Mailbox) Status() mail.Status { return m.status }

// PermanentFlags returns the flags that can be set, as the server gave them. Servers often give
// none after EXAMINE.
func (m *Mailbox) PermanentFlags() []string { return m.permanentFlags }

// Examine opens a mailbox for reading. If it is open already, Examine opens it again.
func (c *Client) Examine(ctx context.Context, raw string) (*Mailbox, error) {
	return c.openMailbox(ctx, "EXAMINE", raw, Expectation{})
}

// ExamineExpecting is Examine, and sends with it what Messages will ask.
func (c *Client) ExamineExpecting(ctx context.Context, raw string, expect Expectation) (*Mailbox, error) {
	return c.openMailbox(ctx, "EXAMINE", raw, expect)
}

// Select opens a mailbox for writing.
func (c *Client) Select(ctx context.Context, raw string) (*Mailbox, error) {
	return c.openMailbox(ctx, "SELECT", raw, Expectation{})
}

// Expectation is what Messages will be called with once a mailbox is open.
type Expectation struct {
	UIDs   mail.UIDRange // no UIDs: nothing is expected
	ModSeq bool          // the mailbox is likely to have mod-sequences
}

func (c *Client) openMailbox(ctx context.Context, verb, raw string, expect Expectation) (*Mailbox, error) {
	m := &Mailbox{c: c, name: raw, readOnly: verb == "EXAMINE", uids: map[uint64]mail.UID{}}
	cmd := imap.NewCommand(verb).Mailbox(raw)
	condstore := c.hasModSeqs() && !c.plain && c.Losses(cmd.Name) == 0
	if condstore {
		cmd.Raw(" (CONDSTORE)")
	}
	kept := 0
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		taken := m.readOpening(resp)
		kept++
		return taken && kept <= maxOpening, nil
	}
	c.mailbox = m // observe sees its EXISTS and EXPUNGE from here on
	err := c.open(ctx, cmd, m.expect(expect.UIDs, expect.ModSeq && condstore))
	if err != nil {
		c.mailbox = nil
	}
	if refused := (*imap.Error)(nil); condstore && errors.As(err, &refused) && refused.Status == "BAD" &&
		!errors.Is(refused, mail.ErrTemporary) {
		c.plain = true // the server does not support what it offers
		return c.openMailbox(ctx, verb, raw, Expectation{})
	}
	if err != nil {
		return nil, err
	}
	m.status.Messages = uint32(min(m.messages, math.MaxUint32))
	return m, nil
}

// open sends the command that opens c.mailbox, and what is expected right after it. If the
// connection is lost after the mailbox was opened, the next command reports that. What comes before
// the mailbox is open is of the mailbox that was open before.
func (c *Client) open(ctx context.Context, cmd *imap.Command, ahead *expected) error {
	defer c.CloseOnDone(ctx)()
	if ahead != nil {
		ahead.cmd.OnResponse = func(resp *wire.Response) (bool, error) {
			if !cmd.Done {
				return false, nil
			}
			return ahead.answer.take(resp)
		}
	}
	err := c.Start(cmd)
	sent := err == nil && !cmd.Done && ahead != nil && c.Start(ahead.cmd) == nil
	if err == nil {
		err = c.Wait(cmd)
	}
	if sent && ahead.cmd.Done {
		ahead = nil
	} else if sent && cmd.Done {
		_ = c.Wait(ahead.cmd)
	}
	if err == nil {
		c.mailbox.arrived(ahead)
	}
	return c.OrCause(ctx, err)
}

// Opened returns the open mailbox if it has this raw name and was opened in this way, or nil.
func (c *Client) Opened(raw string, readOnly bool) *Mailbox {
	if c.mailbox == nil || c.mailbox.name != raw || c.mailbox.readOnly != readOnly {
		return nil
	}
	return c.mailbox
}

// selected returns the raw name of the mailbox that is open, or "".
func (c *Client) selected() string {
	if c.mailbox == nil {
		return ""
	}
	return c.mailbox.name
}

// maxOpening bounds the untagged responses to SELECT that are kept; servers send about ten.
const maxOpening = 100

// observe follows what the server reports of the mailbox at any time.
func (m *Mailbox) observe(resp *wire.Response) {
	switch resp.Name {
	case "EXISTS":
		m.messages = resp.Number
	case "EXPUNGE":
		m.messages = max(m.messages, 1) - 1
		clear(m.uids) // the messages after it have new numbers
	case "VANISHED":
		clear(m.uids)
	}
}

// readOpening reads one untagged response to SELECT or EXAMINE (RFC 9051 section 6.3.2).
func (m *Mailbox) readOpening(resp *wire.Response) bool {
	if resp.Name == "FLAGS" && len(resp.Args) > 0 {
		return true
	}
	var first wire.Node
	if len(resp.Code.Args) > 0 {
		first = resp.Code.Args[0]
	}
	switch resp.Code.Name {
	case "UIDVALIDITY":
		m.status.UIDValidity, _ = number32(first)
	case "UIDNEXT":
		m.status.UIDNext, _ = number32(first)
	case "HIGHESTMODSEQ":
		m.status.HighestModSeq, _ = first.Number()
	case "NOMODSEQ":
		m.status.HighestModSeq = 0
	case "PERMANENTFLAGS":
		m.permanentFlags, m.flagsLimited = first.Words(), true
	case "MAILBOXID":
		m.status.MailboxID = mailboxID(first)
	default:
		return false
	}
	return true
}

// Unselect closes the open mailbox without expunging. CLOSE would expunge a mailbox opened by
// SELECT, so without UNSELECT (RFC 3691) it follows an EXAMINE.
func (c *Client) Unselect(ctx context.Context) error {
	if c.mailbox == nil {
		return nil
	}
	verb := "UNSELECT"
	if !c.Has(verb) {
		verb = "CLOSE"
		if _, err := c.Examine(ctx, c.mailbox.name); err != nil {
			return c.ifDead(err)
		}
	}
	err := c.Do(ctx, imap.NewCommand(verb))
	c.mailbox = nil
	return c.ifDead(err)
}

// ifDead returns err if it ended the connection, or nil.
func (c *Client) ifDead(err error) error {
	if c.Alive() {
		return nil
	}
	return err
}

// CanSet reports whether the mailbox keeps a flag.
func (m *Mailbox) CanSet(flag string) bool {
	if !m.flagsLimited {
		return true
	}
	for _, p := range m.permanentFlags {
		if strings.EqualFold(p, flag) || p == `\*` && !strings.HasPrefix(flag, `\`) {
			return true
		}
	}
	return false
}

// Store adds flags to messages. With the sign "-" it removes them, and with none it replaces the
// messages' flags.
func (m *Mailbox) Store(ctx context.Context, uids mail.UIDSet, sign string, flags []string) error {
	return m.c.Do(ctx, imap.NewCommand("UID STORE").Raw(" "+uids.String()+" "+sign+"FLAGS.SILENT ("+strings.Join(flags,
		" ")+")"))
}

// Expunge removes those of the messages that are marked as deleted (UIDPLUS, RFC 4315 section 2.1).
func (m *Mailbox) Expunge(ctx context.Context, uids mail.UIDSet) error {
	return m.c.Do(ctx, imap.NewCommand("UID EXPUNGE").Raw(" "+uids.String()))
}
