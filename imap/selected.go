package imap

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"

	"github.com/mailstrata/mailstrata/mail"
)

// Selection is what SELECT or EXAMINE tells of a mailbox.
type Selection struct {
	mail.Status
	Flags          []string // that occur in the mailbox
	PermanentFlags []string // that can be set; \* among them: new keywords too
	Told           bool     // PermanentFlags were told at all: if not, every flag can be set (RFC 9051 section 6.3.2)
}

// Examine opens a mailbox for reading, anew even where it is open.
func (c *Client) Examine(ctx context.Context, raw string) (*Selection, error) {
	return c.openMailbox(ctx, "EXAMINE", raw)
}

// Select opens a mailbox for writing.
func (c *Client) Select(ctx context.Context, raw string) (*Selection, error) {
	return c.openMailbox(ctx, "SELECT", raw)
}

func (c *Client) openMailbox(ctx context.Context, verb, raw string) (*Selection, error) {
	s := &Selection{}
	cmd := newCommand(verb).mailbox(raw)
	condstore := c.caps.condstore() && !c.plain && c.opts.learned.lost(cmd.name) == 0
	if condstore {
		cmd.raw(" (CONDSTORE)")
	}
	kept := 0
	cmd.data = func(resp *wire.Response) (bool, error) {
		taken := s.take(resp)
		kept++
		return taken && kept <= maxKeptOpening, nil
	}
	c.selected, c.messages = "", 0
	clear(c.uids)
	err := c.do(ctx, cmd)
	if refused := (*Error)(nil); condstore && errors.As(err, &refused) && refused.Status == "BAD" && !refused.temporary() {
		c.plain = true // it does not know what it offers
		return c.openMailbox(ctx, verb, raw)
	}
	if err != nil {
		return nil, err
	}
	c.selected, c.examined = raw, verb == "EXAMINE"
	s.Messages = uint32(min(c.messages, math.MaxUint32))
	return s, nil
}

// maxKeptOpening bounds the untagged responses of an opening that are kept; servers send about ten.
const maxKeptOpening = 100

// take notes one untagged response of the opening.
func (s *Selection) take(resp *wire.Response) bool {
	if resp.Name == "FLAGS" && len(resp.Args) > 0 {
		s.Flags = resp.Args[0].Words()
		return true
	}
	var first wire.Node
	if len(resp.Code.Args) > 0 {
		first = resp.Code.Args[0]
	}
	n, ok := first.Number()
	switch resp.Code.Name {
	case "UIDVALIDITY":
		s.UIDValidity = number32Or0(n, ok)
	case "UIDNEXT":
		s.UIDNext = number32Or0(n, ok)
	case "HIGHESTMODSEQ":
		s.HighestModSeq = n
	case "NOMODSEQ":
		s.HighestModSeq = 0
	case "PERMANENTFLAGS":
		s.PermanentFlags, s.Told = first.Words(), true
	case "MAILBOXID":
		s.MailboxID = mailboxID(first)
	default:
		return false
	}
	return true
}

func number32Or0(n uint64, ok bool) uint32 {
	if !ok || n > math.MaxUint32 {
		return 0
	}
	return uint32(n)
}

// Unselect leaves the mailbox that is open, without expunging. CLOSE would do so too on a mailbox opened by EXAMINE, but
// not on one opened by SELECT; where UNSELECT is not offered, EXAMINE comes first.
func (c *Client) Unselect(ctx context.Context) error {
	if c.selected == "" {
		return nil
	}
	verb := "UNSELECT"
	if !c.caps.has(verb) {
		verb = "CLOSE"
		if _, err := c.Examine(ctx, c.selected); err != nil {
			return c.deadOnly(err)
		}
	}
	err := c.do(ctx, newCommand(verb))
	c.selected, c.messages = "", 0
	clear(c.uids)
	return c.deadOnly(err)
}

// deadOnly lets an error pass only if it ended the connection.
func (c *Client) deadOnly(err error) error {
	if c.dead == nil {
		return nil
	}
	return err
}

// canSet reports whether a flag will stay on messages of this mailbox.
func (s *Selection) canSet(flag string) bool {
	if !s.Told {
		return true
	}
	for _, p := range s.PermanentFlags {
		if strings.EqualFold(p, flag) || p == `\*` && !strings.HasPrefix(flag, `\`) {
			return true
		}
	}
	return false
}
