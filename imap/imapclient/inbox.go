package imapclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// addInbox adds INBOX to a listing that lacks it, or that lists it as one that cannot be opened.
// INBOX always exists (RFC 9051 section 5.1), so its absence in a LIST proves nothing, and addInbox
// asks for its numbers. note is what the user should know.
func (c surveyor) addInbox(ctx context.Context, l *listing) (note string, err error) {
	at := ""
	for raw, m := range l.byName {
		if m.IsInbox() {
			if at = raw; m.Selectable() {
				return "", nil
			}
		}
	}
	status, err := c.Status(ctx, "INBOX")
	switch {
	case err != nil && (!c.Alive() || errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil):
		return "", err
	case err != nil && at != "": // the server confirms that it cannot be opened
		return "", nil
	case errors.Is(err, mail.ErrNoMailbox):
		return fmt.Sprintf("the server does not list INBOX and refuses it: %v", err), nil
	case err == nil:
		l.status.byKey["INBOX"] = statusAnswer{status, true}
	}
	inbox := &mail.Mailbox{Raw: "INBOX", Name: "INBOX", Delimiter: l.delimiter()}
	if at != "" {
		inbox = l.byName[at]
		inbox.Attributes = slices.DeleteFunc(inbox.Attributes, func(a string) bool {
			return strings.EqualFold(a, `\Noselect`) || isNonExistent(a)
		})
	}
	l.byName[inbox.Raw] = inbox // if it has no numbers, the backup finds out why it cannot be opened
	return "", nil
}

// delimiter returns the delimiter of any listed mailbox.
func (l *listing) delimiter() string {
	for _, m := range l.byName {
		if m.Delimiter != "" {
			return m.Delimiter
		}
	}
	return ""
}
