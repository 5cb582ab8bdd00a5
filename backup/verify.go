package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/sample"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Messages that are recorded are not read again: servers promise that a UID always identifies the
// same message (RFC 9051 section 2.3.1.1), and some have broken the promise. With VerifySource, a
// sample is downloaded anyway and compared.

// chooseSample returns the messages to compare.
func (r *mailboxRun) chooseSample(ctx context.Context) ([]manifest.Record, error) {
	if !r.verify || r.old == nil || r.old.Status == nil || r.old.Messages == 0 {
		return nil, nil
	}
	return r.account.sampler.Choose(r.old, r.account.catalog.load(ctx))
}

// verifySample downloads recorded messages and reports whether each is what was archived. It
// ignores messages that are gone. Messages that cannot be downloaded cause a warning.
func (r *mailboxRun) verifySample(
	ctx context.Context, session *source.Session, sample []manifest.Record,
) (bool, error) {
	if len(sample) == 0 {
		return true, nil
	}
	c, err := r.compareBodies(ctx, session, sample)
	if err != nil {
		return false, err
	}
	byID := 0
	for _, record := range c.other {
		if record.ByID {
			byID++
		}
	}
	r.account.remark(true, "mailbox %q: %d messages were compared with the archive, and %d differ",
		r.listed.Name, c.compared, len(c.other))
	if c.unread > 0 {
		r.account.recorder.warn("mailbox %q: %d archived messages could not be read again to be compared",
			r.listed.Name, c.unread)
	}
	if len(c.other) > 0 {
		r.account.recorder.alarm(r.differences(c.other, c.compared, byID))
	}
	return len(c.other) == 0, nil
}

// maxUIDsInAlarm is how many UIDs an alarm lists.
const maxUIDsInAlarm = 10

// differences returns the text of the alarm.
func (r *mailboxRun) differences(other []manifest.Record, compared, byID int) string {
	var uids []string
	for _, record := range other[:min(len(other), maxUIDsInAlarm)] {
		uids = append(uids, fmt.Sprint(record.UID))
	}
	if len(other) > maxUIDsInAlarm {
		uids = append(uids, "…")
	}
	text := fmt.Sprintf("mailbox %q: %d of %d compared messages (UID %s) differ from the archived ones; "+
		"mailstrata read the whole mailbox again, and earlier manifests hold the old messages",
		r.listed.Name, len(other), compared, strings.Join(uids, ", "))
	if byID > 0 {
		text += fmt.Sprintf("; %d of them had been matched and not downloaded", byID)
	}
	return text
}

// A spot check downloads a few messages of a mailbox that may have been replaced, and compares them
// with their records. One message that differs is enough.

// maxSpotChecks is how many mailboxes of an account are checked.
const maxSpotChecks = 8

// spotCheck reports whether a few messages of a mailbox are as recorded.
func (r *mailboxRun) spotCheck(ctx context.Context, session *source.Session, old *manifest.Mailbox) (bool, error) {
	chosen, err := sample.ForSpotCheck(old, r.account.catalog.load(ctx))
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

// compareBodies downloads recorded messages again and compares them. It ignores those that are
// gone.
func (r *mailboxRun) compareBodies(
	ctx context.Context, session *source.Session, recorded []manifest.Record,
) (c comparison, err error) {
	writer := ingest.NewMessageWriter(r.account.repo, r.account.catalog.writer, nil)
	defer writer.Close()
	for records := range slices.Chunk(recorded, fetch.WindowMessages) {
		downloader := fetch.NewDownloader(r.account.downloads, session, writer)
		downloader.Quiet = true // these messages count neither as new nor as progress
		messages := make([]mail.Message, len(records))
		for i, record := range records {
			messages[i] = mail.Message{UID: record.UID, Size: record.Size}
		}
		if err := downloader.Fetch(ctx, messages); errors.Is(err, quota.ErrSpent) {
			c.spent = true
		} else if err != nil {
			return c, err
		}
		c.unread += len(downloader.Failures)
		for _, record := range records {
			now, there := downloader.Got[record.UID]
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
