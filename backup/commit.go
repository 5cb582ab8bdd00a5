package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// finish commits what was read, or after an error, saves it.
func (a *accountRun) finish(ctx context.Context, result *Result) {
	graceful, done := grace.Context(ctx, interruptGrace)
	defer done()
	switch {
	case result.Err == nil:
		result.Head, result.Err = a.commit(graceful, result.Manifest)
	case errors.Is(result.Err, quota.ErrSpent):
		a.postpone(graceful, result)
	case a.mayCommitWithoutMail(ctx, result.Err):
		if err := a.commitWithoutMail(graceful, result); err != nil {
			result.Err = fmt.Errorf("%w; what was read beside the mail is not archived either: %w", result.Err, err)
			result.Kept = a.saveRest(ctx)
		}
	default:
		result.Kept = a.saveRest(ctx)
	}
	a.closeRecovery(result.Err == nil)
}

// commit commits a manifest. From then on, what it records counts.
func (a *accountRun) commit(ctx context.Context, m *manifest.Manifest) (repo.Head, error) {
	head, err := a.catalog.writer.Commit(ctx, a.Name, m.EncodeAt)
	if err == nil {
		a.quota.Wrote(m.Downloaded)
		a.catalog.cacheTables()
	}
	return head, err
}

// manifest returns a manifest of what is recorded now.
func (a *accountRun) manifest(ctx context.Context, state manifest.State) (*manifest.Manifest, error) {
	m, err := a.emptyManifest(ctx, state)
	if err != nil {
		return nil, err
	}
	return m, a.record(ctx, m)
}

// emptyManifest returns a manifest that says only which run wrote it.
func (a *accountRun) emptyManifest(ctx context.Context, state manifest.State) (*manifest.Manifest, error) {
	now, err := a.run.Now(ctx)
	if err != nil {
		return nil, err
	}
	m := &manifest.Manifest{
		Account:  a.Name,
		Source:   a.URL,
		Program:  a.program,
		Start:    a.run.Start(),
		End:      now,
		Deadline: a.run.Deadline(),
		State:    state,
	}
	m.Downloaded = a.quota.Unwritten()
	if a.parent != nil {
		m.Parent = a.parent.ID
	}
	return m, nil
}

// record adds to a manifest everything that is recorded so far, and stores the chunks that it
// names.
func (a *accountRun) record(ctx context.Context, m *manifest.Manifest) error {
	m.Server = a.server
	m.Server.Quota = a.quotas()
	putTable := a.catalog.putTable(ctx)
	if err := a.recorder.addTo(m, putTable); err != nil {
		return err
	}
	if err := a.recordItems(m, a.mailFound, putTable); err != nil {
		return err
	}
	if err := a.recordProperties(m, putTable); err != nil {
		return err
	}
	return a.catalog.putServer(ctx, m, a.parent)
}
