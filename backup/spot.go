package backup

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/sample"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// A spot check downloads a few messages of a mailbox that may have been replaced, and compares them with their
// records. One message that differs is enough.

const spotMailboxes = 8 // of an account

// spotCheck reports whether a few messages of a mailbox are as recorded.
func (r *mailboxRun) spotCheck(ctx context.Context, session *source.Session, old *manifest.Mailbox) (bool, error) {
	chosen, err := sample.Spots(old, r.account.catalog.load(ctx))
	if err != nil {
		return false, err
	}
	c, err := r.compareBodies(ctx, session, chosen)
	if err == nil && c.spent {
		err = quota.ErrSpent
	}
	return len(c.other) == 0, err
}

// comparison is the result of downloading archived messages again.
type comparison struct {
	other            []manifest.Record // messages that differ from the archive
	compared, unread int
	spent            bool // the budget had no room for all
}

// compareBodies downloads recorded messages again and compares them. It ignores those that are gone.
func (r *mailboxRun) compareBodies(
	ctx context.Context, session *source.Session, recorded []manifest.Record,
) (c comparison, err error) {
	writer := archive.NewMessageWriter(r.account.repo, r.account.catalog.writer, nil)
	defer writer.Close()
	for records := range slices.Chunk(recorded, fetch.WindowMessages) {
		d := fetch.NewDownload(r.account.downloads, session, writer)
		d.Quiet = true // these messages count neither as new nor as progress
		messages := make([]mail.Message, len(records))
		for i, record := range records {
			messages[i] = mail.Message{UID: record.UID, Size: record.Size}
		}
		if err := d.Fetch(ctx, messages); errors.Is(err, quota.ErrSpent) {
			c.spent = true
		} else if err != nil {
			return c, err
		}
		c.unread += len(d.Failures)
		for _, record := range records {
			now, there := d.Got[record.UID]
			if !there {
				continue
			}
			if c.compared++; now.Hash != record.Hash {
				c.other = append(c.other, record)
			}
		}
	}
	return c, nil
}
