package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// lookback is how far a host looks that does not find what it wrote last.
const lookback = 7 * 24 * time.Hour

// addUnreported adds to the alarms what manifests of other hosts lack of those before them. Somebody with a stolen writer's key
// can write a manifest without the account's mail and without an alarm. This run goes on from it, and its own comparison finds
// nothing gone.
//
// This host compared before it wrote. So if it wrote the newest complete manifest itself, there is nothing to read, and an
// isUnchanged night stays as cheap as it was.
func (a *accountRun) addUnreported(ctx context.Context) error {
	own, err := a.run.Own(a.Name)
	if err != nil {
		return err
	}
	if err := a.addRemoved(ctx, own); err != nil {
		return err
	}
	if a.lastComplete == nil || a.isCompared(own, a.lastComplete.Head, a.lastComplete.Manifest) {
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
		if alarm := u.String(); !slices.Contains(a.record.alarms, alarm) {
			a.record.alarms = append(a.record.alarms, alarm)
		}
	}
	return nil
}

// addRemoved adds to the alarms that the newest manifest which this host wrote is gone and was not forgotten: somebody removed
// it, or the store lost it or was set back. It asks the store only if the run does not go on from that manifest.
func (a *accountRun) addRemoved(ctx context.Context, own repo.Head) error {
	if own.Name == "" || a.parent != nil && !own.Time.After(a.parent.Head.Time) {
		return nil
	}
	name, removed, err := a.run.Lost(ctx, a.Name)
	if err != nil || !removed {
		return err
	}
	a.record.alarms = append(a.record.alarms, fmt.Sprintf("the newest manifest that this host wrote, of %s, is gone and was not forgotten: somebody removed it, or "+
		"the store lost it or was set back to an earlier time (%s)", own.Time.UTC().Format(time.DateTime), name))
	return nil
}

// isCompared reports whether a manifest is the one up to which this host has compared: the newest that it wrote, if that is
// complete. What is a copy or a repair it wrote without comparing. Where the run goes on from a checkpoint there is no such
// end: others may have written something while the run before was under way.
func (a *accountRun) isCompared(own, head repo.Head, m *manifest.Manifest) bool {
	return head.Name == own.Name && m.State == manifest.Complete && m.Origin == [32]byte{} && a.parent.Name == a.lastComplete.Name
}

// written are the account's manifests back to the one that this host wrote last, or those of some days if that is not found,
// and the last one before these. Those after the time were not compared by this host.
func (a *accountRun) histories(ctx context.Context, own repo.Head) (histories *archive.Histories, after time.Time, err error) {
	after = a.lastComplete.Head.Time.Add(-lookback)
	if own.Name != "" && own.Time.Before(after) {
		after = own.Time
	}
	histories = new(archive.Histories)
	for s, err := range archive.AccountManifests(ctx, a.repo, a.Name) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			return nil, after, err
		case err != nil: // findParent names those that cannot be read
			continue
		}
		histories.Add(s)
		if a.isCompared(own, s.Head, s.Manifest) {
			after = own.Time
		}
		if s.Manifest.State == manifest.Complete && !s.Head.Belated() && !s.Head.Time.After(after) {
			break
		}
	}
	return histories, after, nil
}

// lossLimits are the account's, as forget has them.
func (a *accountRun) lossLimits() archive.Limits {
	limit := a.ShrinkLimit
	if limit == nil {
		return nil
	}
	return func(string) func(*mail.Mailbox) loss.Limit { return limit }
}
