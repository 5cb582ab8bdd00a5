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

// lookedBack is how far a host looks that does not find what it wrote last.
const lookedBack = 7 * 24 * time.Hour

// nameUnreported adds to the alarms what manifests of other hosts lack of those before them. Somebody with a stolen writer's key
// can write a manifest without the account's mail and without an alarm. This run goes on from it, and its own comparison finds
// nothing gone.
//
// This host compared before it wrote. So if it wrote the newest complete manifest itself, there is nothing to read, and an
// unchanged night stays as cheap as it was.
func (w *walk) nameUnreported(ctx context.Context) error {
	own, err := w.run.Own(w.account.Name)
	if err != nil {
		return err
	}
	if err := w.nameRemoved(ctx, own); err != nil {
		return err
	}
	if w.basis == nil || w.isEnd(own, w.basis.Head, w.basis.Manifest) {
		return nil
	}
	histories, after, err := w.written(ctx, own)
	if err != nil {
		return fmt.Errorf("read earlier manifests of %s: %w", w.account.Name, err)
	}
	found, err := histories.Since(ctx, w.repo, w.limits(), after)
	if err != nil {
		return err
	}
	for _, u := range found {
		if alarm := u.String(); !slices.Contains(w.alarms, alarm) {
			w.alarms = append(w.alarms, alarm)
		}
	}
	return nil
}

// nameRemoved adds to the alarms that the newest manifest which this host wrote is gone and was not forgotten: somebody removed
// it, or the store lost it or was set back. It asks the store only if the run does not go on from that manifest.
func (w *walk) nameRemoved(ctx context.Context, own repo.Head) error {
	if own.Name == "" || w.parent != nil && !own.Time.After(w.parent.Head.Time) {
		return nil
	}
	name, removed, err := w.run.Lost(ctx, w.account.Name)
	if err != nil || !removed {
		return err
	}
	w.alarms = append(w.alarms, fmt.Sprintf("the newest manifest that this host wrote, of %s, is gone and was not forgotten: somebody removed it, or "+
		"the store lost it or was set back to an earlier time (%s)", own.Time.UTC().Format(time.DateTime), name))
	return nil
}

// isEnd reports whether a manifest is the one up to which this host has compared: the newest that it wrote, if that is
// complete. What is a copy or a repair it wrote without comparing. Where the run goes on from a checkpoint there is no such
// end: others may have written something while the run before was under way.
func (w *walk) isEnd(own, head repo.Head, m *manifest.Manifest) bool {
	return head.Name == own.Name && m.State == manifest.Complete && m.Origin == [32]byte{} && w.parent.Name == w.basis.Name
}

// written are the account's manifests back to the one that this host wrote last, or those of some days if that is not found,
// and the last one before these. Those after the time were not compared by this host.
func (w *walk) written(ctx context.Context, own repo.Head) (histories *archive.Histories, after time.Time, err error) {
	after = w.basis.Head.Time.Add(-lookedBack)
	if own.Name != "" && own.Time.Before(after) {
		after = own.Time
	}
	histories = new(archive.Histories)
	for s, err := range archive.AccountManifests(ctx, w.repo, w.account.Name) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			return nil, after, err
		case err != nil: // findParent names those that cannot be read
			continue
		}
		histories.Add(s)
		if w.isEnd(own, s.Head, s.Manifest) {
			after = own.Time
		}
		if s.Manifest.State == manifest.Complete && !s.Head.Belated() && !s.Head.Time.After(after) {
			break
		}
	}
	return histories, after, nil
}

// limits are the account's, as forget has them.
func (w *walk) limits() archive.Limits {
	limit := w.account.ShrinkLimit
	if limit == nil {
		return nil
	}
	return func(string) func(*mail.Mailbox) loss.Limit { return limit }
}
