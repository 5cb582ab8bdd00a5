package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A run that cannot read the mail commits what it read beside it (docs/design/collections.md). The
// manifest has the mail of the last complete one, which is never lost by this, and says that it was
// not read. What the run had downloaded is in a checkpoint after it.

// mayCommitWithoutMail reports whether a run that ended with an error read something beside the
// mail.
func (a *accountRun) mayCommitWithoutMail(ctx context.Context, err error) bool {
	all := a.items.Load()
	switch {
	case all == nil || !all.answered || ctx.Err() != nil || errors.Is(err, errRenew):
		return false
	case len(a.beside) > 0:
		// The next run compares with the manifests that ran beside the last complete one. It would
		// not find them behind another.
		return false
	}
	return true
}

// commitWithoutMail commits a manifest of everything but the mail, and then a checkpoint of the
// mail if some was downloaded. result.Err says why the mail could not be read. An error says why
// that manifest is not committed; whether the checkpoint is, result.Kept says.
func (a *accountRun) commitWithoutMail(ctx context.Context, result *Result) error {
	a.checkpoints.mu.Lock()
	defer a.checkpoints.mu.Unlock()
	unfinished := a.parent
	if unfinished != nil && unfinished.State == manifest.Complete || a.lastComplete == nil {
		unfinished = nil // the manifest has its mail
	}
	m, err := a.manifestWithoutMail(ctx, result.Err)
	if err == nil {
		result.Head, err = a.commitBeside(ctx, m)
	}
	if err != nil {
		return err
	}
	result.Manifest = m
	if unfinished == nil && a.checkpoints.bytes == 0 && !a.checkpoints.written {
		return nil
	}
	if a.recorder.recorded != nil {
		_, _, err = a.writeCheckpoint(ctx)
	} else if unfinished != nil {
		err = a.repeat(ctx, unfinished)
	}
	result.Kept = err == nil // if not, the next run downloads it again
	return nil
}

// commitBeside commits a manifest of what is beside the mail. A checkpoint that follows does not
// repeat the items and the alarms in it.
func (a *accountRun) commitBeside(ctx context.Context, m *manifest.Manifest) (repo.Head, error) {
	head, err := a.catalog.writer.Commit(ctx, a.Name, m.EncodeAt)
	if err != nil {
		return head, err
	}
	a.quota.Wrote(m.Downloaded)
	a.parent = &base{head, m}
	a.items.Store(nil)
	a.recorder.alarms = nil
	return head, nil
}

// commitNewItems commits a manifest of what is beside the mail if it is not as in the last complete
// one. why says why the mail is not read today: a first backup may take many days of budget, and
// the calendars do not wait for it.
func (a *accountRun) commitNewItems(ctx context.Context, why error) error {
	if !a.mayCommitWithoutMail(ctx, why) {
		return nil
	}
	m, err := a.manifestWithoutMail(ctx, why)
	if err != nil || a.lastComplete != nil && slices.Equal(m.ItemSources, a.lastComplete.ItemSources) {
		return err
	}
	_, err = a.commitBeside(ctx, m)
	return err
}

// manifestWithoutMail returns a manifest with the items of this run. Its mail is that of the last
// complete manifest, or of the parent if no manifest is complete.
func (a *accountRun) manifestWithoutMail(ctx context.Context, why error) (*manifest.Manifest, error) {
	m, err := a.emptyManifest(ctx, manifest.Complete)
	if err != nil {
		return nil, err
	}
	m.AddFailure(manifest.Failure{Reason: fmt.Sprintf("mail of %s: %v", a.URL, why)})
	last := a.lastComplete
	if last == nil {
		last = a.parent
	}
	m.Parent = [32]byte{}
	if last != nil {
		inheritMail(m, last)
	}
	a.recorder.mu.Lock()
	m.Alarm = slices.Compact(slices.Sorted(slices.Values(a.recorder.alarms)))
	for _, warning := range a.recorder.warnings {
		m.AddWarning(warning)
	}
	a.recorder.mu.Unlock()
	return m, a.recordItems(m, notRead, a.catalog.put(ctx))
}

// repeat writes a checkpoint again as the newest manifest, so that the next run continues from it.
func (a *accountRun) repeat(ctx context.Context, checkpoint *base) error {
	m, err := a.emptyManifest(ctx, manifest.Checkpoint)
	if err != nil {
		return err
	}
	inheritMail(m, checkpoint)
	m.Parent = a.parent.ID
	for _, warning := range checkpoint.Warnings {
		m.AddWarning(warning)
	}
	if err := a.recordItems(m, notRead, a.catalog.put(ctx)); err != nil {
		return err
	}
	_, err = a.catalog.writer.Commit(ctx, a.Name, m.EncodeAt)
	return err
}

// inheritMail gives a manifest the mail of an earlier one, with the source from which it came. What
// names the server's messages must stay beside its source: a later run trusts neither if they do
// not fit.
func inheritMail(m *manifest.Manifest, from *base) {
	m.Parent, m.Source = from.ID, from.Source
	m.Mailboxes, m.Tables, m.Dangling = from.Mailboxes, from.Tables, from.Dangling
	m.Totals.Mailboxes, m.Totals.Messages = from.Totals.Mailboxes, from.Totals.Messages
	m.Totals.Bytes, m.Totals.Erased = from.Totals.Bytes, from.Totals.Erased
	m.Server, m.ServerPart = from.Server, from.ServerPart
	m.Properties, m.PropertiesAsked = from.Properties, from.PropertiesAsked
	for _, failure := range from.Failures {
		if failure.Mailbox != "" {
			m.AddFailure(failure)
		}
	}
}

// notRead is how a run found mail that it could not read.
func notRead() manifest.Found { return manifest.Inherited }
