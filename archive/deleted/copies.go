package deleted

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// A message that somebody copied one day and deleted the next was moved. A copy that came before
// the other left looks like mail that arrived, so the newest night decides: if it has the copy
// where it came, a copy that left is not deleted. A copy that was moved since is not found, and
// then the message counts as deleted, because a restore of too much loses nothing.

// copies are messages with copies that left, after others had come.
type copies struct {
	all  []copied
	uids map[string]*mail.UIDSet // where others came, by raw name of the mailbox
	at   map[place]int           // likewise, and of which message
}

type copied struct {
	hash chunk.ID
	gone []event
}

type place struct {
	mailbox string // raw name
	uid     mail.UID
}

func (m *matcher) place(e event) place { return place{m.boxes[e.box].mailbox.Raw, e.uid} }

// elsewhere returns the copies that came to another place than those that left, and not to Trash,
// Junk or Drafts.
func (m *matcher) elsewhere(gone, came []event) (others []event) {
	if len(gone) == 0 {
		return nil
	}
	for _, e := range came {
		same := func(left event) bool { return m.place(left) == m.place(e) }
		if m.boxes[e.box].use == "" && !slices.ContainsFunc(gone, same) {
			others = append(others, e)
		}
	}
	return others
}

func (c *copies) add(m *matcher, gone, came []event) {
	if c.at == nil {
		c.at, c.uids = make(map[place]int), make(map[string]*mail.UIDSet)
	}
	for _, e := range came {
		p := m.place(e)
		if c.uids[p.mailbox] == nil {
			c.uids[p.mailbox] = new(mail.UIDSet)
		}
		c.uids[p.mailbox].Add(p.uid)
		c.at[p] = len(c.all)
	}
	c.all = append(c.all, copied{gone[0].hash, gone})
}

// find takes back a copy that left, the oldest first, for each copy that a night has where it came.
// What cannot be read takes back none.
func (c *copies) find(ctx context.Context, newest *archive.Contents) error {
	if len(c.all) == 0 {
		return nil
	}
	for mailbox, err := range newest.Mailboxes(ctx) {
		if err != nil {
			return err
		}
		uids := c.uids[mailbox.Raw]
		if uids == nil {
			continue
		}
		for entry, err := range newest.EntriesAt(ctx, mailbox, *uids) {
			if archive.IsDamage(err) && ctx.Err() == nil {
				break
			}
			if err != nil {
				return err
			}
			of, known := c.at[place{mailbox.Raw, entry.UID}]
			if message := &c.all[of]; known && message.hash == entry.Hash && len(message.gone) > 0 {
				message.gone = message.gone[1:]
			}
		}
	}
	return nil
}
