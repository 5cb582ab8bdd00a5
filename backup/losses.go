package backup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// addLosses compares the manifest with the last complete one, and with those beside which that one
// ran. It adds the losses to its alarms and warnings.
func (a *accountRun) addLosses(ctx context.Context, m *manifest.Manifest) error {
	before, most := a.recorder.before, a.recorder.maxLost()
	if a.lastComplete != a.parent && (a.lastComplete == nil || a.parent == nil || a.lastComplete.ID != a.parent.ID) {
		var err error
		if before, err = a.mailboxes(ctx, a.lastComplete); err != nil {
			return err
		}
		most = -1
	}
	if err := a.addLossesSince(ctx, m, before, most); err != nil {
		return err
	}
	for _, other := range a.beside {
		before, err := a.mailboxes(ctx, other)
		if err != nil {
			return err
		}
		if err := a.addLossesSince(ctx, m, before, -1); err != nil {
			return err
		}
	}
	return nil
}

// addLossesSince compares the manifest with earlier mailboxes, of which at most so many messages
// are gone; -1: not known.
func (a *accountRun) addLossesSince(
	ctx context.Context, m *manifest.Manifest, before map[string]*manifest.Mailbox, most int64,
) error {
	catalog := archive.Catalog(ctx, a.repo, a.catalog.reader)
	catalog.Load = a.flushedLoad(ctx, catalog.Load)
	comparison := loss.Comparison{
		Before: sorted(before), Now: sorted(a.recorder.recorded), Most: most, Catalog: catalog,
	}
	if limits := a.lossLimits(); limits != nil {
		comparison.Limit = limits(a.Name)
	}
	var unread error
	comparison.Erased = func(hash chunk.ID) bool {
		var erasures *statement.Erasures
		if unread == nil { // needed only where pages are compared, which is rare
			erasures, unread = a.run.Erasures(ctx)
		}
		return erasures.Message(hash)
	}
	losses, err := comparison.Find()
	if err == nil {
		err = unread
	}
	if err != nil {
		return fmt.Errorf("compare with an earlier manifest: %w", err)
	}
	for _, alarm := range a.recorder.mentionOutside(losses.Alarms) {
		if !slices.Contains(m.Alarm, alarm) {
			m.Alarm = append(m.Alarm, alarm)
		}
	}
	for _, remark := range a.recorder.mentionOutside(losses.Remarks) {
		m.AddWarning(remark)
	}
	return nil
}

// flushedLoad makes the pages of this run durable before the first chunk is loaded, because pages
// of this run may be loaded too.
func (a *accountRun) flushedLoad(ctx context.Context, load manifest.Load) manifest.Load {
	flush := sync.OnceValue(func() error { return a.catalog.writer.Flush(ctx) })
	return func(id chunk.ID) ([]byte, error) {
		if err := flush(); err != nil {
			return nil, err
		}
		return load(id)
	}
}

// sorted returns the mailboxes in the order of their raw names.
func sorted(mailboxes map[string]*manifest.Mailbox) []*manifest.Mailbox {
	list := make([]*manifest.Mailbox, 0, len(mailboxes))
	for _, raw := range slices.Sorted(maps.Keys(mailboxes)) {
		list = append(list, mailboxes[raw])
	}
	return list
}

// lookback is how far a host looks back if it does not find the manifest that it wrote last.
const lookback = 7 * 24 * time.Hour

// addUnreported adds alarms for mail that is missing from manifests of other hosts compared with
// those before them. With a stolen writer's key, somebody can write a manifest that lacks the
// account's mail and has no alarm. This run continues from it, and finds nothing missing.
//
// This host compared before it wrote. So if it wrote the newest complete manifest itself, and none
// that its run could not know was put meanwhile, there is nothing to read, and a run without
// changes stays cheap.
func (a *accountRun) addUnreported(ctx context.Context) error {
	own, err := a.run.Own(a.Name)
	if err != nil {
		return err
	}
	if err := a.addRemoved(ctx, own); err != nil {
		return err
	}
	for i, m := range []*base{a.parent, a.lastComplete} {
		if m == nil || i > 0 && a.parent != nil && m.Head.Name == a.parent.Head.Name {
			continue
		}
		if err := a.listAlarm(ctx, m.Head, m.Manifest); err != nil {
			return err
		}
	}
	if a.lastComplete == nil || a.isCompared(own, a.lastComplete.Head, a.lastComplete.Manifest) && !a.mayBeBeside() {
		return nil
	}
	histories, after, err := a.histories(ctx, own)
	if err != nil {
		return fmt.Errorf("read earlier manifests of %s: %w", a.Name, err)
	}
	found, err := histories.Since(ctx, a.repo, a.lossLimits(), after)
	if err != nil {
		return err
	}
	for _, u := range found {
		if alarm := u.String(); !slices.Contains(a.recorder.alarms, alarm) {
			a.recorder.alarms = append(a.recorder.alarms, alarm)
		}
	}
	return nil
}

// listAlarm puts the alarm of an earlier manifest where archive.StandingAlarms finds it, if it is
// not there. Otherwise somebody with a stolen writer's key could write an alarm that nobody hears
// of, and this run, which finds it in the manifest, would not repeat it.
func (a *accountRun) listAlarm(ctx context.Context, head repo.Head, m *manifest.Manifest) error {
	if len(m.Alarm) == 0 || !head.Committed() {
		return nil
	}
	if err := a.repo.EnsureAlarm(ctx, head); err != nil && !archive.IsDamage(err) {
		return fmt.Errorf("list the alarm of an earlier manifest: %w", err)
	}
	return nil
}

// addRemoved adds an alarm if the newest manifest that this host wrote is gone and was not
// forgotten: somebody removed it, or the store lost it or was reset. It asks the store only if the
// run does not continue from that manifest.
func (a *accountRun) addRemoved(ctx context.Context, own repo.Head) error {
	if own.Name == "" || a.parent != nil && !own.Time.After(a.parent.Head.Time) {
		return nil
	}
	name, removed, err := a.run.Lost(ctx, a.Name)
	if err != nil || !removed {
		return err
	}
	a.recorder.alarm(fmt.Sprintf("the newest manifest that this host wrote, of %s, is gone and was not forgotten: "+
		"somebody removed it, or the store lost it or was reset to an earlier time (%s)",
		own.Time.UTC().Format(time.DateTime), name))
	return nil
}

// isCompared reports whether this host has compared everything up to a manifest: the newest one
// that it wrote, if that is complete. Copies and repairs were written without comparing. If the run
// continues from a checkpoint, others may have written manifests during the run before.
func (a *accountRun) isCompared(own, head repo.Head, m *manifest.Manifest) bool {
	return head.Name == own.Name && m.State == manifest.Complete && m.Origin == [32]byte{} &&
		a.parent.Name == a.lastComplete.Name
}

// mayBeBeside reports whether a manifest was put while the run of the last complete one was under
// way, which may not have known it (history.Beside).
func (a *accountRun) mayBeBeside() bool {
	older, ok := repo.ParseManifest(a.lastComplete.Older)
	return ok && older.Time.After(a.lastComplete.Start) && older.ID != a.lastComplete.Parent
}

// histories returns the account's manifests back to the one that this host wrote last, or of some
// days if that is not found, and the last one before these and before the run of the last complete
// one. Those after the time were not compared by this host.
func (a *accountRun) histories(ctx context.Context, own repo.Head) (
	histories *archive.Histories, after time.Time, err error,
) {
	after = a.lastComplete.Head.Time.Add(-lookback)
	if own.Name != "" && own.Time.Before(after) {
		after = own.Time
	}
	histories = new(archive.Histories)
	var seen lines
	began := a.lastComplete.Start
	if history.Longest < a.lastComplete.Head.Time.Sub(began) { // nobody believes it
		began = a.lastComplete.Head.Time
	}
	for s, err := range archive.AccountManifests(ctx, a.repo, a.Name) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			return nil, after, err
		case err != nil: // findParent reports those that cannot be read
			continue
		}
		if err := a.listAlarm(ctx, s.Head, s.Manifest); err != nil {
			return nil, after, err
		}
		histories.Add(s)
		if a.isCompared(own, s.Head, s.Manifest) {
			after = own.Time
		}
		besides := seen.add(s)
		if slices.Contains(besides, a.lastComplete.ID) {
			a.beside = append(a.beside, &base{s.Head, s.Manifest})
		}
		old := !s.Head.Time.After(after) && !s.Head.Time.After(began)
		if s.Manifest.State == manifest.Complete && !s.Head.Belated() && old && len(besides) == 0 {
			break
		}
	}
	return histories, after, nil
}

// lines are manifests of an account, the newest first.
type lines struct {
	all      []history.Line
	complete []bool
}

// add adds the next manifest. If it is complete, add returns the hashes of the later complete ones
// that ran beside it.
func (l *lines) add(s archive.Summary) (besides []chunk.ID) {
	l.all = append(l.all, history.Line{
		Hash: s.Head.ID, Parent: s.Manifest.Parent, Start: s.Manifest.Start, Time: s.Head.Time,
	})
	l.complete = append(l.complete, s.Manifest.State == manifest.Complete)
	n := len(l.all) - 1
	for i := range n {
		if l.complete[i] && l.complete[n] && history.Beside(func(i int) history.Line { return l.all[i] }, i, n) {
			besides = append(besides, l.all[i].Hash)
		}
	}
	return besides
}

// lossLimits returns the account's limits in the form that package archive uses.
func (a *accountRun) lossLimits() archive.Limits {
	limit := a.ShrinkLimit
	if limit == nil {
		return nil
	}
	return func(string) func(*mail.Mailbox) loss.Limit { return limit }
}
