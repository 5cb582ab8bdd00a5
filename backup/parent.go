package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// base is a manifest of an earlier run.
type base struct {
	repo.Head
	*manifest.Manifest
}

// isNew reports whether this host has not archived the account yet.
func (a *accountRun) isNew() bool {
	own, err := a.run.Own(a.Name)
	return err == nil && own.Name == ""
}

// findParent finds the parent and the last complete manifest among those that are committed and not
// marked to be forgotten (docs/design/removing.md, rules 1 and 4). It skips manifests that cannot
// be read, with a warning.
func (a *accountRun) findParent(ctx context.Context) error {
	for head, err := range a.run.Heads(ctx, a.Name) {
		var m *manifest.Manifest
		if err == nil && !head.Marked {
			err = head.Misdating()
		}
		if err == nil && head.Committed() {
			m, err = archive.ReadManifest(ctx, a.repo, head)
		}
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return fmt.Errorf("find the newest manifest of %s: %w", a.Name, err)
		case errors.Is(err, repo.ErrMisdated):
			a.recorder.warn("a manifest is skipped: %v", err)
		case err != nil:
			a.recorder.warn("an earlier manifest cannot be read and is skipped: %v", err)
		case m != nil:
			if a.parent == nil {
				a.parent = &base{head, m}
				// The interrupted run recorded what it read, so no other run would find the
				// difference.
				if m.State != manifest.Complete {
					a.recorder.alarms = slices.Clone(m.Alarm)
					a.recorder.carryWarnings(m.Warnings)
				}
			}
			if m.State == manifest.Complete {
				a.lastComplete = &base{head, m}
				return nil
			}
		}
	}
	return nil
}

// mailboxes returns the mailboxes of a manifest, by raw name. Damaged ones are left out, with a
// warning, and read again.
func (a *accountRun) mailboxes(ctx context.Context, m *base) (map[string]*manifest.Mailbox, error) {
	mailboxes := make(map[string]*manifest.Mailbox)
	if m == nil {
		return mailboxes, nil
	}
	load := a.catalog.load(ctx)
	if m == a.parent {
		load = a.catalog.loadTables(ctx)
	}
	for mailbox, err := range m.AllMailboxes(load) {
		if archive.IsDamage(err) {
			a.recorder.warn("some records of an earlier manifest are damaged, so their mailboxes are read again "+
				"(mailstrata check shows more): %v", err)
			break
		}
		if err != nil {
			return nil, fmt.Errorf("mailboxes of an earlier manifest: %w", err)
		}
		mailboxes[mailbox.Raw] = mailbox
	}
	return mailboxes, nil
}
