package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// What was erased from the repository is not archived again. A message is known by its hash, so it is downloaded once
// where it has a UID that no record names; then the mailbox records the UID as erased, is complete without it, and no
// later run asks for it.

// heed sees to it that the account was not erased.
func (w *walk) heed(ctx context.Context) error {
	erasures, err := w.run.Erasures(ctx)
	if err != nil {
		return err
	}
	if since, erased := erasures.Account(w.repo.AccountDir(w.account.Name)); erased {
		return fmt.Errorf("%w on %s, and is not archived any more: remove the account from the configuration, or archive it under another name",
			repo.ErrErased, since.UTC().Format(time.DateOnly))
	}
	return nil
}

// leaveOut leaves out what was taken by id and was erased: the parent may still have it.
func (w *walk) leaveOut(ctx context.Context, byID map[mail.UID]manifest.Entry, d *download) error {
	if len(byID) == 0 {
		return nil
	}
	erasures, err := w.run.Erasures(ctx)
	if err != nil {
		return err
	}
	for uid, entry := range byID {
		if erasures.Message(entry.Hash) {
			d.erased.Add(uid)
			delete(byID, uid)
		}
	}
	return nil
}

// keepErased takes over which messages were erased, as far as they are there, so that they are not fresh.
func (r *reading) keepErased(old, found *manifest.Mailbox, c *change) {
	if old == nil {
		return
	}
	found.Erased = old.Erased.Without(c.gone)
	c.fresh = c.fresh.Without(found.Erased)
}

// addGone takes down that messages are gone.
func (c *change) addGone(uids mail.UIDSet) { c.gone = c.gone.Union(uids) }

// lastOf is the highest UID of a set; 0: it is empty.
func lastOf(uids mail.UIDSet) (last mail.UID) {
	for r := range uids.Ranges() {
		last = r.Last
	}
	return last
}
