package imapclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// UIDs returns the UIDs of the range that are in the mailbox now. If the answer is empty and the
// mailbox is not (iCloud), UIDs asks again by FETCH.
func (m *Mailbox) UIDs(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	if uids.Len() == 0 {
		return mail.UIDSet{}, nil
	}
	set, err := m.search(ctx, uids)
	if err == nil && set.Len() > 0 || !m.c.Alive() {
		return set, err
	}
	if err == nil && m.messages == 0 {
		return set, nil
	}
	return m.FetchUIDs(ctx, uids)
}

// search asks for a compact answer if the server offers that (RFC 4731).
func (m *Mailbox) search(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	cmd := imap.NewCommand("UID SEARCH")
	if m.c.Has("ESEARCH") {
		cmd.Raw(" RETURN (ALL)")
	}
	cmd.Raw(" UID " + setOf(uids).String())
	var found wire.UIDCollector
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		switch {
		case resp.Name == "SEARCH":
		case resp.Name != "ESEARCH" || answersOther(resp.Args, cmd.Tag):
			return false, nil
		case resp.BadSet:
			return false, fmt.Errorf("%w: it is not a set of UIDs: %q", imap.ErrOutOfStep, printable.Text(resp.Text))
		}
		return true, found.AddAll(resp.UIDs.Set().In(uids))
	}
	err := m.c.Do(ctx, cmd)
	return found.Set(), err
}

// answersOther reports whether an ESEARCH belongs to another command.
func answersOther(args []wire.Node, tag string) bool {
	if len(args) == 0 {
		return false
	}
	given, found := wire.Attribute(args[0].List, "TAG")
	return found && string(given.Text) != tag
}

// FetchUIDs asks every message of the range for its UID.
func (m *Mailbox) FetchUIDs(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	cmd := imap.NewCommand("UID FETCH").Raw(" " + setOf(uids).String() + " (UID)")
	var found wire.UIDCollector
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "FETCH" || len(resp.Args) == 0 {
			return false, nil
		}
		uid, ok := m.uidOf(resp)
		if !ok || !uids.Contains(uid) || found.Contains(uid) {
			return false, nil
		}
		return true, found.Add(mail.UIDRange{First: uid, Last: uid})
	}
	err := m.c.Do(ctx, cmd)
	if expungeIssued(err) {
		err = nil
	}
	return found.Set(), err
}

// Changes calls changed with the messages of the range whose flags changed since a mod-sequence. It
// returns the UIDs that are gone since then; known is false if the server does not report them
// (QRESYNC, RFC 7162 section 3.2.6).
func (m *Mailbox) Changes(ctx context.Context, uids mail.UIDRange, since uint64,
	changed func(mail.Message) error) (gone mail.UIDSet, known bool, err error) {
	known = m.c.Enabled("QRESYNC")
	if since == 0 {
		return gone, false, errors.New("changes since mod-sequence 0 cannot be asked for: Cyrus answers BAD")
	}
	modifier := fmt.Sprintf(" (CHANGEDSINCE %d)", since)
	if known {
		modifier = fmt.Sprintf(" (CHANGEDSINCE %d VANISHED)", since)
	}
	var vanished wire.UIDCollector
	defer m.c.Observe(func(resp *wire.Response) {
		if resp.Name != "VANISHED" {
			return
		}
		if !resp.HasSet || resp.BadSet || vanished.AddAll(resp.UIDs.Set().In(uids)) != nil {
			known = false
		}
	})()
	for message, err := range m.fetch(ctx, uids, hasFlags|hasLabels, m.c.flagItems, modifier) {
		if err == nil {
			err = changed(message)
		}
		if err != nil {
			return gone, false, err
		}
	}
	return vanished.Set(), known, nil
}
