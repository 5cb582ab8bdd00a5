package imapclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// List returns every mailbox that the server lists.
func (c *Client) List(ctx context.Context) ([]mail.Mailbox, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	return l.mailboxes(scope{}), nil
}

// list asks for every mailbox.
func (c *Client) list(ctx context.Context) (*listing, error) {
	defer c.CloseOnDone(ctx)()
	if err := c.Introduced(); err != nil {
		return nil, c.OrCause(ctx, err)
	}
	q := c.listQuestion()
	if err := c.Start(q.cmd); err != nil {
		return nil, c.OrCause(ctx, err)
	}
	return c.listed(ctx, q)
}

// listQuestion is a LIST of all mailboxes.
type listQuestion struct {
	cmd      *imap.Command
	answer   *listing
	extended bool // it asks for more than names
}

// listQuestion asks for every mailbox with all that one round trip can return (RFC 5258, 5819,
// 6154).
func (c *Client) listQuestion() listQuestion {
	q := listQuestion{cmd: imap.NewCommand("LIST").Raw(` "" "*"`), answer: newListing(c)}
	if options := c.listReturn(); options != "" {
		q.cmd.Raw(" RETURN (" + options + ")")
		q.cmd.Name, q.extended = listReturning(strings.Contains(options, "STATUS")), true
		q.cmd.Optional()
	}
	q.cmd.OnResponse = q.answer.add
	return q
}

// listed waits for the answer. If the server refuses an extension that it offers, listed asks
// without any.
func (c *Client) listed(ctx context.Context, q listQuestion) (*listing, error) {
	err := c.Wait(q.cmd)
	if q.extended && errors.Is(err, mail.ErrRefused) && c.Alive() {
		c.plainList = true
		return c.list(ctx)
	}
	return q.answer, c.OrCause(ctx, err)
}

// listReturning is the name, in errors, of a LIST that asks for more than names.
func listReturning(status bool) string {
	if status {
		return "LIST RETURN (STATUS)"
	}
	return "LIST RETURN"
}

// extendedList reports whether the extended LIST is offered, was not refused, and did not cost a
// connection.
func (c *Client) extendedList() bool {
	return c.Has("LIST-EXTENDED") && !c.plainList && c.Losses(listReturning(false)) == 0
}

func (c *Client) listReturn() string {
	if !c.extendedList() {
		return ""
	}
	options := []string{"SUBSCRIBED", "CHILDREN"}
	if c.Has("SPECIAL-USE") {
		options = append(options, "SPECIAL-USE")
	}
	if c.Has("LIST-STATUS") && c.Losses(listReturning(true)) == 0 {
		// Cyrus 3.6 answers nonsense to MAILBOXID here; completeStatus asks it for each mailbox.
		options = append(options, "STATUS ("+c.statusItems(!c.ServerIs("Cyrus"))+")")
	}
	return strings.Join(options, " ")
}

func isNonExistent(attribute string) bool { return strings.EqualFold(attribute, `\NonExistent`) }

// listing collects LIST and STATUS responses, in any order.
type listing struct {
	client *Client
	byName map[string]*mail.Mailbox // by raw name
	status *statusAnswers
	held   memoryCount

	nameless int // lines without a name
}

// mailboxMemory is the memory of a mailbox besides its name and attributes: here, and where a
// backup compares and records it.
const mailboxMemory = 512

// checkName returns an error for a name that is too long for the archive.
func checkName(raw string) error {
	if len(raw) > wire.MaxLiteral {
		return wire.Flood("a mailbox name of %d bytes or more, beginning %q; no more than %d are taken", len(raw),
			raw[:60], wire.MaxLiteral)
	}
	return nil
}

func newListing(c *Client) *listing {
	return &listing{client: c, byName: map[string]*mail.Mailbox{}, status: newStatusAnswers(c)}
}

func (l *listing) add(resp *wire.Response) (bool, error) {
	if resp.Name != "LIST" {
		return l.status.add(resp)
	}
	if len(resp.Args) < 3 {
		l.nameless++
		return false, nil
	}
	m := l.client.names().mailbox(resp.Args)
	if err := checkName(m.Raw); err != nil {
		return false, err
	}
	if m.Raw == "" { // the root of the hierarchy, if it cannot be opened
		if m.Selectable() {
			l.nameless++
		}
		return false, nil
	}
	earlier := l.byName[m.Raw]
	if earlier == nil {
		if err := l.held.add(mailboxMemory+3*len(m.Raw)+memoryOf(m.Attributes), "mailboxes"); err != nil {
			return false, err
		}
	} else if len(m.Attributes) > usualMemory {
		return false, wire.Flood("%d attributes of one mailbox", len(m.Attributes))
	}
	if earlier == nil || m.Selectable() || !earlier.Selectable() { // a mailbox that is listed twice may be opened
		l.byName[m.Raw] = &m
	}
	return true, nil
}

// notes returns what the user should know about the listing.
func (l *listing) notes(inbox string, empty bool) (notes []string) {
	if inbox != "" {
		notes = append(notes, inbox)
	}
	if empty {
		notes = append(notes, "the server lists no mailbox at all")
	}
	if l.nameless > 0 {
		notes = append(notes,
			fmt.Sprintf("the server lists mailboxes without a name, which cannot be read: %d", l.nameless))
	}
	return notes
}

// mailboxName reads a mailbox's name in a response. Some servers do not quote a name with blanks in
// it, so it takes all bare words that follow. If there were several blanks between two words, the
// name is wrong. The server then refuses to open it, which is a failure of that mailbox.
func mailboxName(args []wire.Node) string {
	if args[0].Kind == wire.String {
		return string(args[0].Text)
	}
	name := slices.Clone(args[0].Text)
	for _, word := range args[1:] {
		if word.Kind != wire.Atom && word.Kind != wire.Nil {
			break
		}
		name = append(append(name, ' '), word.Text...)
	}
	return string(name)
}

// mailboxes returns the listed mailboxes, sorted by raw name.
func (l *listing) mailboxes(s scope) []mail.Mailbox {
	var list []mail.Mailbox
	for raw, m := range l.byName {
		m.Skip = s.skip(raw)
		if m.Selectable() && m.Skip == mail.NotSkipped {
			l.status.fill(m)
		}
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b mail.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	return list
}

var specialUses = []string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Important`, `\Junk`, `\Sent`, `\Trash`}

// mailbox reads "(\HasNoChildren \Sent) "/" Sent".
func (names naming) mailbox(args []wire.Node) mail.Mailbox {
	m := mail.Mailbox{Raw: mailboxName(args[2:]), Delimiter: string(args[1].Bytes())}
	m.Name = m.Raw
	if name, ok := names.decode(m.Raw); ok {
		m.Name = name
	}
	for _, attribute := range args[0].Words() {
		switch {
		case strings.EqualFold(attribute, `\Subscribed`):
			m.Subscribed = true
		case strings.EqualFold(attribute, `\Marked`), strings.EqualFold(attribute, `\Unmarked`):
			// of sessions, like \Recent: whether another client has looked since mail came
		case isSpecialUse(attribute):
			m.SpecialUse = append(m.SpecialUse, attribute)
		default:
			m.Attributes = append(m.Attributes, attribute)
		}
	}
	slices.Sort(m.Attributes)
	slices.Sort(m.SpecialUse)
	return m
}

func isSpecialUse(attribute string) bool {
	return slices.ContainsFunc(specialUses, func(use string) bool { return strings.EqualFold(use, attribute) })
}
