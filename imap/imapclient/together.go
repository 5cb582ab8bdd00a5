package imapclient

import (
	"context"

	"github.com/mailstrata/mailstrata/imap"
)

// surveyQuestions are the questions of a survey.
type surveyQuestions struct {
	list          listQuestion
	subscriptions *subscriptionsQuestion
}

// askTogether sends the questions of a survey. It waits for the namespaces, which set c.spaces. A mailbox that is open
// is closed before.
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
