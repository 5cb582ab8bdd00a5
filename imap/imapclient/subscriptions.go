package imapclient

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// subscriptionsQuestion is a question for the subscribed mailboxes.
type subscriptionsQuestion struct {
	cmd      *imap.Command
	names    []string // raw
	extended bool     // it uses the extended LIST
}

func (c surveyor) subscriptionsQuestion() *subscriptionsQuestion {
	const selecting = "LIST (SUBSCRIBED)"
	q := &subscriptionsQuestion{cmd: imap.NewCommand("LSUB").Raw(` "" "*"`)}
	if q.extended = c.extendedList() && c.Losses(selecting) == 0; q.extended {
		q.cmd = imap.NewCommand(selecting).Raw(` "" "*"`).Optional()
	}
	var held memoryCount
	q.cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if (resp.Name != "LIST" && resp.Name != "LSUB") || len(resp.Args) < 3 {
			return false, nil
		}
		// LSUB returns a name with \Noselect if only a mailbox below it is subscribed (RFC 3501
		// section 6.3.9).
		if resp.Name == "LIST" || !slices.ContainsFunc(resp.Args[0].List,
			func(n wire.Node) bool { return n.Is(`\Noselect`) }) {
			name := mailboxName(resp.Args[2:])
			q.names = append(q.names, name)
			return true, errors.Join(checkName(name), held.add(mailboxMemory/4+2*len(name), "subscriptions"))
		}
		return true, nil
	}
	return q
}

// Subscribed returns the raw names of the subscribed mailboxes, including those that no longer
// exist. A server without subscriptions has none.
func (c *Client) Subscribed(ctx context.Context) ([]string, error) {
	defer c.CloseOnDone(ctx)()
	s := surveyor{c}
	q := s.subscriptionsQuestion()
	if err := c.Start(q.cmd); err != nil {
		return nil, c.OrCause(ctx, err)
	}
	return s.subscribed(ctx, q)
}

// subscribed waits for the raw names of the subscribed mailboxes, including those that no longer
// exist.
func (c surveyor) subscribed(ctx context.Context, q *subscriptionsQuestion) ([]string, error) {
	err := c.Wait(q.cmd)
	switch {
	case !c.Alive() || err == nil || errors.Is(err, mail.ErrTemporary):
		return q.names, c.OrCause(ctx, err)
	case q.extended:
		c.plainList = true
		q = c.subscriptionsQuestion()
		if err := c.Start(q.cmd); err != nil {
			return nil, c.OrCause(ctx, err)
		}
		return c.subscribed(ctx, q)
	}
	return nil, nil // a server without subscriptions
}

// markSubscribed marks the subscribed mailboxes, and returns the subscribed names that are not
// among them.
func (n naming) markSubscribed(mailboxes []mail.Mailbox, names []string, wanted func(string) bool) (dangling []string) {
	var alike map[string]int // the first mailbox with each key; made when it is needed
	for _, name := range names {
		i, found := slices.BinarySearchFunc(mailboxes, name,
			func(m mail.Mailbox, name string) int { return cmp.Compare(m.Raw, name) })
		if !found {
			if alike == nil {
				alike = n.index(mailboxes)
			}
			i, found = alike[n.key(name)]
		}
		if found {
			mailboxes[i].Subscribed = true
		}
		if (!found || slices.ContainsFunc(mailboxes[i].Attributes, isNonExistent)) && wanted(name) {
			dangling = append(dangling, name)
		}
	}
	slices.Sort(dangling)
	return slices.Compact(dangling)
}

// index returns the mailboxes by key.
func (n naming) index(mailboxes []mail.Mailbox) map[string]int {
	index := make(map[string]int, len(mailboxes))
	for i := range mailboxes {
		key := n.key(mailboxes[i].Raw)
		if _, again := index[key]; !again {
			index[key] = i
		}
	}
	return index
}
