package imaprestore

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Journaled = (*folder)(nil)

// EarlierResults implements restore.Journaled. What an interrupted restore appended and did not look at is looked at now, and so
// is what came since it sent something without getting an answer.
func (f *folder) EarlierResults(ctx context.Context, wanted []restore.Wanted) (map[int]restore.AppendResult, error) {
	fates := map[int]restore.AppendResult{}
	var batch []*item
	var size int64
	at := map[*item]int{}
	look := func() error {
		err := f.recheck(ctx, batch)
		for _, it := range batch {
			if fate := *it.fate; err == nil && fate.Added && (len(fate.Changed) > 0 || fate.Altered) {
				fates[at[it]] = fate
				f.reported.Add(it.uid)
			}
		}
		batch, size = nil, 0
		return err
	}
	for i := range min(len(wanted), len(f.matched)) {
		uid := f.matched[i]
		if fate := f.journaled.Results[uid]; fate != nil {
			fates[i] = *fate
			f.reported.Add(uid)
		}
		floor := f.journaled.Floor
		unanswered := f.compared[i] && floor != 0 && uid >= floor
		if !unanswered && !f.journaled.Unchecked.Contains(uid) {
			continue
		}
		it := &item{Wanted: wanted[i], uid: uid, fate: &restore.AppendResult{Added: true}}
		batch, at[it] = append(batch, it), i
		if size += it.Size; len(batch) == appendMessages || size >= appendBytes {
			if err := look(); err != nil {
				return nil, err
			}
		}
	}
	return fates, look()
}

// recheck looks at messages that are there, as right after an APPEND. What cannot be read from the archive cannot be
// compared, and is left to a later restore.
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
	return f.check(ctx, readable)
}

// collectReport gives the target what the report of this restore has.
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
