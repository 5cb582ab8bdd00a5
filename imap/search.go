package imap

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// UIDs tells which UIDs of the range are in the mailbox now. An empty answer is not believed of a mailbox that is not
// empty (iCloud gives such), and asked again in another way.
func (c *Client) UIDs(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	if uids.Len() == 0 {
		return mail.UIDSet{}, nil
	}
	set, err := c.search(ctx, uids)
	if err == nil && set.Len() > 0 || c.dead != nil {
		return set, err
	}
	if err == nil && c.messages == 0 {
		return set, nil
	}
	return c.fetchUIDs(ctx, uids)
}

// search asks for a compact answer where that is offered (RFC 4731).
func (c *Client) search(ctx context.Context, uids mail.UIDRange) (set mail.UIDSet, err error) {
	cmd := newCommand("UID SEARCH")
	if c.caps.has("ESEARCH") {
		cmd.raw(" RETURN (ALL)")
	}
	cmd.raw(" UID " + setOf(uids).String())
	cmd.data = func(resp *response) (bool, error) {
		switch resp.name {
		case "SEARCH":
			for r := range resp.found.Ranges() {
				set.AddRange(r)
			}
			return true, nil
		case "ESEARCH":
			if answersOther(resp.args, cmd.tag) {
				return false, nil
			}
			return true, readESearch(resp.args, &set)
		}
		return false, nil
	}
	err = c.do(ctx, cmd)
	return within(set, uids), err
}

// answersOther reports whether an ESEARCH says that it belongs to another command.
func answersOther(args []node, tag string) bool {
	if len(args) == 0 {
		return false
	}
	told, found := attribute(args[0].list, "TAG")
	return found && string(told.text) != tag
}

// readESearch reads `(TAG "M7") UID ALL 2,10:11`. No ALL means none.
func readESearch(args []node, set *mail.UIDSet) error {
	for i, n := range args {
		if n.is("ALL") && i+1 < len(args) && args[i+1].isText() {
			found, err := mail.ParseUIDSet(string(args[i+1].text))
			if err != nil {
				return err
			}
			for r := range found.Ranges() {
				set.AddRange(r)
			}
		}
	}
	return nil
}

// fetchUIDs asks every message of the range for its UID.
func (c *Client) fetchUIDs(ctx context.Context, uids mail.UIDRange) (set mail.UIDSet, err error) {
	cmd := newCommand("UID FETCH").raw(" " + setOf(uids).String() + " (UID)")
	cmd.data = func(resp *response) (bool, error) {
		if resp.name != "FETCH" || len(resp.args) == 0 {
			return false, nil
		}
		if uid, ok := c.uidOf(resp); ok {
			set.Add(uid)
		}
		return true, nil
	}
	err = c.do(ctx, cmd)
	if expungeIssued(err) {
		err = nil
	}
	return within(set, uids), err
}

// within is the part of a set that lies in a range.
func within(set mail.UIDSet, uids mail.UIDRange) (in mail.UIDSet) {
	for r := range set.Ranges() {
		in.AddRange(mail.UIDRange{First: max(r.First, uids.First), Last: min(r.Last, uids.Last)})
	}
	return in
}

// Changes gives the messages of the range whose flags changed since a mod-sequence, and the UIDs that are gone since,
// where the server can tell (QRESYNC, RFC 7162 section 3.2.6).
func (c *Client) Changes(ctx context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error) (gone mail.UIDSet, known bool, err error) {
	known = c.enabled.has("QRESYNC")
	if since == 0 {
		return gone, false, errors.New("changes since mod-sequence 0 are not to be had: Cyrus answers BAD")
	}
	modifier := fmt.Sprintf(" (CHANGEDSINCE %d)", since)
	if known {
		modifier = fmt.Sprintf(" (CHANGEDSINCE %d VANISHED)", since)
	}
	defer c.tell(func(resp *response) {
		if resp.name != "VANISHED" || len(resp.args) == 0 {
			return
		}
		if set, err := mail.ParseUIDSet(string(resp.args[len(resp.args)-1].text)); err == nil {
			for r := range within(set, uids).Ranges() {
				gone.AddRange(r)
			}
		} else {
			known = false
		}
	})()
	for m, err := range c.Flags(ctx, uids, true, modifier) {
		if err == nil {
			err = changed(m)
		}
		if err != nil {
			return gone, false, err
		}
	}
	return gone, known, nil
}
