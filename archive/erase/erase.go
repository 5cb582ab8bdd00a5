// Package erase removes an account, or messages, from all nights of a repository.
//
// PlanAccount and PlanMessages find out what an erasure concerns (plan.go, chunks.go), and
// Plan.Apply erases it (erase.go). First, the owner signs an erasure, after which no backup, copy
// or repair stores what it names. Then each manifest that holds it is written again without it
// (rewrite.WithoutErased), and the old one is marked as erased. When the marks are a day old, prune
// rewrites every pack that has anything that only erased manifests need. A prune a day later
// deletes the old packs.
//
// A run that began before the erasure may commit what was erased. Prune finds its manifest
// (repo.PruneOptions.Erased), and Complete erases from it as from the others.
package erase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Report is what an erasure changed.
type Report struct {
	Time      time.Time           // by the store's clock, before anything was changed
	Rewritten int                 // manifests that were written without what was erased
	Marked    int                 // manifests that were marked: the old ones of these, and those of erased accounts
	Damaged   []rewrite.Rewritten // manifests that still hold it, because they are damaged or misdated
	Unread    int                 // pieces of the archive that cannot be read, and may hold what was erased
	Damage    error               // why the first of these cannot be read
	Spills    int                 // files of runs under way on this host that may hold it until the runs end
}

// Gone returns the earliest time when the bytes are gone: after a prune one day after Time, and
// another one day later.
func (r *Report) Gone() time.Time { return r.Time.Add(2 * repo.Grace) }

// rounds bounds how often Complete looks for manifests that were committed while it wrote others.
const rounds = 3

// Apply erases what is planned. It calls rewritten, which may be nil, with each manifest that it
// wrote again.
func (p *Plan) Apply(ctx context.Context, rewritten func(rewrite.Rewritten)) (*Report, error) {
	if err := p.repo.Erase(ctx, p.erasure); err != nil {
		return nil, fmt.Errorf("erase: %w", err)
	}
	return Complete(ctx, p.repo, rewritten)
}

// Complete writes each manifest that holds anything erased again without it, and marks the old one.
// If no manifest does, it changes nothing. It calls rewritten, which may be nil, with each manifest
// that it wrote. It needs the owner's key.
func Complete(ctx context.Context, r *repo.Repo, rewritten func(rewrite.Rewritten)) (*Report, error) {
	if !r.CanRemove() {
		return nil, fmt.Errorf("an owner signs erasures, and %w", repo.ErrNoRole)
	}
	erasures, err := r.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	c := &completer{repo: r, erasures: erasures, rewritten: rewritten, failed: make(map[string]bool)}
	if c.report.Time, err = r.Now(ctx); err != nil {
		return nil, err
	}
	for range rounds {
		more, err := c.round(ctx)
		if err != nil {
			return &c.report, err
		}
		if !more {
			break
		}
	}
	c.report.Spills = r.DropLocal(c.marked)
	return &c.report, nil
}

// completer is a Complete under way.
type completer struct {
	repo      *repo.Repo
	erasures  *statement.Erasures
	rewritten func(rewrite.Rewritten) // may be nil
	failed    map[string]bool         // manifests that cannot be written again
	marked    []string
	report    Report
}

// round finds the manifests that hold what was erased, and writes or marks each. It reports whether
// it wrote any: then others may have come in the meantime.
func (c *completer) round(ctx context.Context) (more bool, err error) {
	holders := archive.NewRecordFinder(c.repo, func(_ archive.RecordPlace, record *manifest.Record) (bool, error) {
		return c.erasures.Message(record.Hash), nil
	})
	var marks []statement.Marked
	holding := make(map[string][]repo.Head) // by the folder of the account, the newest first
	clean := make(map[string][]repo.Head)   // likewise, those that stay as they are
	for head, err := range c.repo.EveryManifest(ctx) {
		if err != nil {
			return false, err
		}
		_, whole := c.erasures.Account(head.Account)
		if head.Erased || c.failed[head.Name] {
			continue
		}
		if !whole {
			unread, damage := holders.Unread, holders.Damage
			if whole, err = holders.Holds(ctx, head); err != nil {
				return false, err
			}
			if head.Marked { // parts of it may be deleted already
				holders.Unread, holders.Damage = unread, damage
			}
			if !whole {
				if !head.Marked {
					clean[head.Account] = append(clean[head.Account], head)
				}
				continue
			}
			if err := head.Misdating(); err != nil && !head.Marked { // its place in the history is not known
				c.fail(rewrite.Rewritten{Old: head, Err: err})
				continue
			}
			if !head.Marked {
				holding[head.Account] = append(holding[head.Account], head)
				continue
			}
		}
		marks = append(marks, statement.Marked{Manifest: head.Name})
	}
	c.report.Unread, c.report.Damage = holders.Unread, holders.Damage
	if err := c.mark(ctx, marks); err != nil {
		return false, err
	}
	for account, heads := range holding {
		if heads, err = c.unwritten(ctx, heads, clean[account]); err != nil {
			return false, err
		}
		if err := c.rewrite(ctx, holders, heads); err != nil {
			return false, err
		}
	}
	return len(holding) > 0, nil
}

// unwritten marks the manifests that an interrupted erasure has already written again, and returns
// the others. clean are the manifests of the account that hold nothing erased.
func (c *completer) unwritten(ctx context.Context, heads, clean []repo.Head) (left []repo.Head, err error) {
	type written struct {
		origin    [32]byte
		accounted int64
	}
	there := make(map[written]bool)
	for _, head := range clean {
		m, err := archive.ReadManifest(ctx, c.repo, head)
		if err != nil && (ctx.Err() != nil || !archive.IsDamage(err)) {
			return nil, err
		}
		if err == nil && m.Totals.Erased > 0 && m.Origin != [32]byte{} {
			there[written{m.Origin, m.Totals.Accounted()}] = true
		}
	}
	if len(there) == 0 {
		return heads, nil
	}
	var marks []statement.Marked
	for _, head := range heads {
		m, err := archive.ReadManifest(ctx, c.repo, head)
		if err != nil {
			return nil, err
		}
		origin := archive.Summary{Head: head, Manifest: m}.Origin()
		if there[written{origin, m.Totals.Accounted()}] {
			marks = append(marks, statement.Marked{Manifest: head.Name})
		} else {
			left = append(left, head)
		}
	}
	return left, c.mark(ctx, marks)
}

// rewrite writes manifests of one account, given the newest first, and marks those that were
// written.
func (c *completer) rewrite(ctx context.Context, holders *archive.RecordFinder, heads []repo.Head) error {
	if len(heads) == 0 {
		return nil
	}
	slices.Reverse(heads)
	var marks []statement.Marked
	written := func(done rewrite.Rewritten) error {
		if done.Err != nil {
			c.fail(done)
			return nil
		}
		c.report.Rewritten++
		marks = append(marks, statement.Marked{Manifest: done.Old.Name, Parent: done.Parent})
		if c.rewritten != nil {
			c.rewritten(done)
		}
		return nil
	}
	m, err := archive.ReadManifest(ctx, c.repo, heads[0])
	if err != nil {
		return err
	}
	err = rewrite.WithoutErased(ctx, c.repo, m.Account, heads, holders.HasPage, written)
	// What was written is marked even if the rest could not be written. Otherwise the history would
	// have it twice.
	return errors.Join(err, c.mark(context.WithoutCancel(ctx), marks))
}

// fail records a manifest that cannot be written again.
func (c *completer) fail(done rewrite.Rewritten) {
	c.failed[done.Old.Name] = true
	c.report.Damaged = append(c.report.Damaged, done)
}

func (c *completer) mark(ctx context.Context, marks []statement.Marked) error {
	if len(marks) == 0 {
		return nil
	}
	if err := c.repo.MarkErased(ctx, marks); err != nil {
		return fmt.Errorf("mark what was erased: %w", err)
	}
	for _, m := range marks {
		c.marked = append(c.marked, m.Manifest)
	}
	c.report.Marked += len(marks)
	return nil
}
