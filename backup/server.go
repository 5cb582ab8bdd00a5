package backup

import (
	"context"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/mail"
)

const onlyProven = "every archived message is compared with the server before it counts"

// doubtAll makes all records unproven if the account is not read from the same server as before.
func (w *walk) doubtAll(ctx context.Context, survey *mail.Survey) error {
	if w.parent == nil {
		return nil
	}
	other := identity.Server(w.parent.Source) != identity.Server(w.account.URL)
	switch {
	case other:
		w.warn("the account was read as %s before and is read as %s now: %s", w.parent.Source, w.account.URL, onlyProven)
	case identity.Software(w.parent.Server.ID) == identity.Software(w.server.ID):
		return nil
	default:
		same, err := w.sampleAccount(ctx, survey)
		if err != nil || same {
			return err
		}
		w.warn("the server called itself %q before and calls itself %q now, and messages are not what was archived: %s",
			identity.Software(w.parent.Server.ID), identity.Software(w.server.ID), onlyProven)
	}
	for _, m := range w.before {
		m.Unproven = m.Accounted() > 0
	}
	return nil
}

// isForeign reports whether another server gave the ids in an earlier manifest.
func (w *walk) isForeign(m *laid) bool {
	return m != nil && identity.Server(m.Source) != identity.Server(w.account.URL)
}
