package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// What was erased from the repository is not archived again. A message is known by its hash, so a run downloads it once
// under a UID that no record names. Then the mailbox records the UID as erased, counts as complete, and no later run asks
// for the message.

// heed returns an error if the account was erased.
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

// leaveOut leaves out messages that were taken by id and are erased: the parent may still have them.
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
