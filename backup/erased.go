package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo"
)

// What was erased from the repository is not archived again. A message is recognized by its hash, so a run has to
// download it once, under a UID that is not recorded. The mailbox then records the UID as erased and counts as
// complete, and no later run requests the message.

// checkNotErased returns an error if the account was erased.
func (a *accountRun) checkNotErased(ctx context.Context) error {
	erasures, err := a.run.Erasures(ctx)
	if err != nil {
		return err
	}
	if since, erased := erasures.Account(a.repo.AccountDir(a.Name)); erased {
		return fmt.Errorf("%w on %s, and is no longer archived: "+
			"remove the account from the configuration, or archive it under another name",
			repo.ErrErased, since.UTC().Format(time.DateOnly))
	}
	return nil
}
