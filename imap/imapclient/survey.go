package imapclient

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// Survey lists all mailboxes of the personal namespaces, and of the other namespaces that are named
// ("other", "shared", or a prefix), with their numbers. It selects no mailbox, because a server may
// report old numbers of a selected one. Mailboxes of other namespaces are included without numbers
// and marked as skipped.
func (c *Client) Survey(ctx context.Context, named []string) (*mail.Survey, error) {
	return surveyor{c}.survey(ctx, named)
}

// surveyor takes a survey.
type surveyor struct{ *Client }

func (c surveyor) survey(ctx context.Context, named []string) (*mail.Survey, error) {
	defer c.CloseOnDone(ctx)()
	survey := &mail.Survey{Time: time.Now()}
	q, err := c.askTogether(ctx)
	if err != nil {
		return nil, c.OrCause(ctx, err)
	}
	l, err := c.listed(ctx, q.list)
	if err != nil {
		return nil, err
	}
	scope := scope{c.names(), c.spaces, named}
	if err := c.listSpaces(ctx, l, scope); err != nil {
		return nil, err
	}
	subscribed, err := c.subscribed(ctx, q.subscriptions)
	if err != nil {
		return nil, err
	}
	empty := len(l.byName) == 0
	note, err := c.addInbox(ctx, l)
	if err != nil {
		return nil, err
	}
	survey.Notes = l.notes(note, empty)
	survey.Mailboxes = l.mailboxes(scope)
	for _, name := range scope.unmatched(survey.Mailboxes) {
		survey.Notes = append(survey.Notes, fmt.Sprintf("the server lists no mailbox in the namespace %q, "+
			"which is to be archived too", printable.Text(name)))
	}
	survey.Dangling = c.names().markSubscribed(survey.Mailboxes, subscribed, scope.isRead)
	err = c.completeStatus(ctx, survey.Mailboxes)
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		if m.Selectable() && m.Skip == mail.NotSkipped && m.Status == nil && c.Avoids(statusOf(m.Raw).Name) {
			if survey.Gaps == nil {
				survey.Gaps = map[string]string{}
			}
			survey.Gaps[m.Raw] = "the server ends the connection whenever it is asked how many messages " +
				"the mailbox holds (STATUS)"
		}
	}
	return survey, err
}

// surveyQuestions are the questions of a survey.
type surveyQuestions struct {
	list          listQuestion
	subscriptions *subscriptionsQuestion
}

// askTogether sends the questions of a survey. It waits for the namespaces, which set c.spaces. A
// mailbox that is open is closed before.
func (c surveyor) askTogether(ctx context.Context) (q surveyQuestions, err error) {
	var unselect *imap.Command
	if c.mailbox != nil && c.Has("UNSELECT") {
		unselect = imap.NewCommand("UNSELECT")
	} else if err := c.Unselect(ctx); err != nil {
		return q, err
	}
	if c.Has("OBJECTID") { // what LIST asks for depends on the server's name (Client.listReturn)
		if err := c.Introduced(); err != nil {
			return q, err
		}
	}
	spaces := c.namespaceCommand()
	q = surveyQuestions{c.listQuestion(), c.subscriptionsQuestion()}
	if err := c.StartAll(unselect, spaces, q.list.cmd, q.subscriptions.cmd); err != nil {
		return q, err
	}
	if err := c.Introduced(); err != nil {
		return q, err
	}
	if unselect != nil {
		err = c.Wait(unselect)
		c.mailbox = nil
	}
	if spaces != nil && c.Alive() {
		err = c.Wait(spaces)
		c.asked = err == nil
	}
	return q, c.ifDead(err)
}

// completeStatus asks, mailbox by mailbox, for what the listing left out.
func (c surveyor) completeStatus(ctx context.Context, mailboxes []mail.Mailbox) error {
	var lacking, nameless []*mail.Mailbox
	for i := range mailboxes {
		switch m := &mailboxes[i]; {
		case !m.Selectable(), m.Skip != mail.NotSkipped:
		case m.Status == nil:
			lacking = append(lacking, m)
		case m.Status.MailboxID == "" && c.Has("OBJECTID"):
			nameless = append(nameless, m)
		}
	}
	defer c.CloseOnDone(ctx)()
	err := c.status(lacking, c.statusItems(true))
	if err == nil {
		err = c.status(nameless, "MAILBOXID")
	}
	return c.OrCause(ctx, err)
}
