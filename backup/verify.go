package backup

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/manifest"
)

// What is recorded is not read again: that a UID means the same message for ever is a server's promise (RFC 9051 section
// 2.3.1.1), and some have broken it. A sample, where one is asked for, is downloaded all the same and compared.

// sample chooses what this reading compares.
func (r *mailboxRun) chooseSample(ctx context.Context) ([]manifest.Record, error) {
	if !r.verify || r.old == nil || r.old.Status == nil || r.old.Messages == 0 {
		return nil, nil
	}
	return r.account.sampler.Choose(r.old, r.account.catalog.load(ctx))
}

// same downloads a sample of the recorded messages and reports whether each is what was archived. A message that is gone
// says nothing; one that cannot be had is told of, and is archived already.
func (r *mailboxRun) verifySample(ctx context.Context, session *source.Session, sample []manifest.Record) (bool, error) {
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
	r.account.remark(true, "mailbox %q: %d messages were compared with the archive, and %d differ", r.listed.Name, c.compared, len(c.other))
	if c.unread > 0 {
		r.account.record.warn("mailbox %q: %d archived messages could not be read again to be compared", r.listed.Name, c.unread)
	}
	if len(c.other) > 0 {
		r.account.record.alarm(r.differences(c.other, c.compared, byID))
	}
	return len(c.other) == 0, nil
}

// uidsNamed is how many UIDs an alarm names.
const uidsNamed = 10

// differences says what is other than was archived.
func (r *mailboxRun) differences(other []manifest.Record, compared, byID int) string {
	var uids []string
	for _, record := range other[:min(len(other), uidsNamed)] {
		uids = append(uids, fmt.Sprint(record.UID))
	}
	if len(other) > uidsNamed {
		uids = append(uids, "…")
	}
	told := fmt.Sprintf("mailbox %q: of %d messages that were compared, %d are not what was archived under their UIDs (%s): all of it was read anew, and earlier manifests hold what was there",
		r.listed.Name, compared, len(other), strings.Join(uids, ", "))
	if byID > 0 {
		told += fmt.Sprintf("; %d had been taken by the server's id", byID)
	}
	return told
}
