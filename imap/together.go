package imap

import "context"

// Commands that do not need each other's answers are sent together, so that a server that is far away costs one round
// trip (RFC 9051 section 5.5): ID and ENABLE, which follow the login, and what a survey asks. Servers obey commands in
// order, so an ENABLE counts for the LIST after it. A server that loses commands is found out by a NOOP (send.go).

// surveyQuestions are the questions of a survey.
type surveyQuestions struct {
	list          listQuestion
	subscriptions *subscriptionsQuestion
}

// askTogether sends the questions of a survey. It waits for the namespaces, which set c.spaces. A mailbox that is open is
// closed before.
func (c surveyor) askTogether(ctx context.Context) (q surveyQuestions, err error) {
	var unselect *command
	if c.mailbox != nil && c.caps.has("UNSELECT") {
		unselect = newCommand("UNSELECT")
	} else if err := c.Unselect(ctx); err != nil {
		return q, err
	}
	if c.caps.has("OBJECTID") { // what LIST asks for depends on the server's name (Client.listReturn)
		if err := c.introduced(); err != nil {
			return q, err
		}
	}
	spaces := c.namespaceCommand()
	q = surveyQuestions{c.listQuestion(), c.subscriptionsQuestion()}
	if err := c.startAll(unselect, spaces, q.list.cmd, q.subscriptions.cmd); err != nil {
		return q, err
	}
	if err := c.introduced(); err != nil {
		return q, err
	}
	if unselect != nil {
		err = c.wait(unselect)
		c.mailbox = nil
	}
	if spaces != nil && c.dead == nil {
		err = c.wait(spaces)
		c.asked = err == nil
	}
	return q, c.ifDead(err)
}

// startAll sends commands; nil ones are left out. After a connection was lost while several were under way, each is
// answered before the next is sent, so that another loss is certainly due to it.
func (c *conn) startAll(cmds ...*command) error {
	for _, cmd := range cmds {
		if cmd == nil {
			continue
		}
		if err := c.start(cmd); err != nil {
			return err
		}
		if c.opts.quirks.wary.Load() {
			if err := c.wait(cmd); c.dead != nil {
				return err
			}
		}
	}
	return nil
}

// introduced waits until the server has answered the commands that follow the login. A refusal has no effect.
func (c *conn) introduced() error {
	for _, cmd := range c.introduction {
		if err := c.wait(cmd); err != nil && c.dead != nil {
			return err
		}
	}
	c.introduction = nil
	return nil
}
