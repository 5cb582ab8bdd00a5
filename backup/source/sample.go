package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// Sample opens a mailbox and reads the begin of a message, because some servers list mailboxes that
// they cannot open. It takes INBOX, or else the first mailbox with messages, and tries the newest
// messages. It takes about three round trips. The mailbox is nil if the account has none to open;
// read is false if there is no message in it.
func Sample(ctx context.Context, from Source, survey *mail.Survey) (mailbox *mail.Mailbox, read bool, err error) {
	listed := sampled(survey)
	if listed == nil {
		return nil, false, nil
	}
	view, err := from.Examine(ctx, *listed, nil)
	if err != nil {
		return listed, false, err
	}
	defer view.Close()
	wanted, err := newest(ctx, view, cmp.Or(view.Status().UIDNext, listed.Status.UIDNext))
	if err != nil || len(wanted) == 0 {
		return listed, false, err
	}
	err = view.Ranges(ctx, wanted, func(Range, []byte) error {
		read = true
		return nil
	})
	if read {
		err = nil // one message that the server cannot read is for the backup to report
	} else if err == nil {
		err = fmt.Errorf("the server sends no message of mailbox %q", listed.Name)
	}
	return listed, read, err
}

// sampled returns the mailbox to look into.
func sampled(survey *mail.Survey) *mail.Mailbox {
	const has, empty, unusable = 0, 1, 2
	rank := func(m *mail.Mailbox) int {
		switch {
		case m.Skip != mail.NotSkipped || !m.Selectable() || m.Label || m.Status == nil:
			return unusable
		case m.Status.Messages == 0:
			return empty
		}
		return has
	}
	var best *mail.Mailbox
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		if rank(m) == unusable {
			continue
		}
		if best == nil || rank(m) < rank(best) || rank(m) == rank(best) && m.IsInbox() && !best.IsInbox() {
			best = m
		}
	}
	return best
}

// newest returns ranges of the newest messages of a mailbox.
func newest(ctx context.Context, view View, next uint32) (wanted []Range, err error) {
	const tries, bytes = 3, 256
	if view.Status().Messages == 0 {
		return nil, nil
	}
	for width := uint32(1000); ; width = 1<<32 - 1 { // then all, if nothing of the last thousand is left
		uids := mail.UIDRange{First: 1, Last: 1<<32 - 1}
		if next > width {
			uids.First = mail.UID(next - width)
		}
		found, err := view.UIDs(ctx, uids)
		if err != nil {
			return nil, err
		}
		all := slices.Collect(found.All())
		for _, uid := range all[max(0, len(all)-tries):] {
			wanted = append(wanted, Range{UID: uid, Length: bytes})
		}
		if len(wanted) > 0 || uids.First == 1 {
			return wanted, nil
		}
	}
}
