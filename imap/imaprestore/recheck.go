package imaprestore

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Journaled = (*folder)(nil)

// EarlierResults implements restore.Journaled. It checks the messages that an interrupted restore
// appended and did not check, and those that came after it sent messages without getting an answer.
func (f *folder) EarlierResults(ctx context.Context, wanted []restore.Message) (map[int]restore.AppendResult, error) {
	results := map[int]restore.AppendResult{}
	var batch []*item
	var size int64
	at := map[*item]int{}
	look := func() error {
		err := f.recheck(ctx, batch)
		for _, it := range batch {
			if result := *it.result; err == nil && result.Added && (len(result.Changed) > 0 || result.Altered) {
				results[at[it]] = result
				f.reported.Add(it.uid)
			}
		}
		batch, size = nil, 0
		return err
	}
	for i := range min(len(wanted), len(f.matched)) {
		uid := f.matched[i]
		if result := f.journaled.Results[uid]; result != nil {
			results[i] = *result
			f.reported.Add(uid)
		}
		floor := f.journaled.Floor
		unanswered := f.compared[i] && floor != 0 && uid >= floor
		if !unanswered && !f.journaled.Unchecked.Contains(uid) {
			continue
		}
		it := &item{Message: wanted[i], uid: uid, result: &restore.AppendResult{Added: true}}
		batch, at[it] = append(batch, it), i
		if size += it.Size; len(batch) == appendMessages || size >= appendBytes {
			if err := look(); err != nil {
				return nil, err
			}
		}
	}
	return results, look()
}

// recheck checks existing messages, as Append does. Messages that cannot be read from the archive
// cannot be compared, and are left to a later restore.
func (f *folder) recheck(ctx context.Context, batch []*item) error {
	if len(batch) == 0 {
		return nil
	}
	if err := f.acquire(ctx); err != nil {
		return err
	}
	defer f.release()
	var readable []*item
	for _, it := range batch {
		defer it.text.Drop()
		if err := f.ready(ctx, it); err == nil {
			readable = append(readable, it)
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	var unanswered []*item
	for _, it := range readable {
		if !f.journaled.Unchecked.Contains(it.uid) {
			unanswered = append(unanswered, it)
		}
	}
	if err := f.journal.Add(journalMessages(unanswered)); err != nil {
		return err
	}
	return f.checkLoss(ctx, f.check(ctx, readable))
}

// collectReport keeps what the report of this restore has, until the target is closed.
func (f *folder) collectReport() {
	if report, ok := f.journal.Report(f.reported); ok {
		f.t.mu.Lock()
		defer f.t.mu.Unlock()
		f.t.reports = append(f.t.reports, report)
	}
	f.reported = mail.UIDSet{}
}

// writeReports records in the journals what the report of this restore has.
func (t *Target) writeReports() (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, report := range t.reports {
		err = errors.Join(err, report.Write())
	}
	t.reports = nil
	return err
}
