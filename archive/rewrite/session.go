// Package rewrite commits manifests of a repository again: forgotten ones, and those of an account that gets another name.
//
// A manifest never changes and a mark is never taken back, so either is done by a new manifest that says the same. It has
// the time of the old one, or the next that is free, and the old one as its origin, and it bears the same tags. Whoever
// commits is a writer, and all rules for writers hold (docs/design/removing.md): what a manifest needs is
// inherited if a run may have it as parent (rule 1), and else found stored, or stored again while it can still be read.
package rewrite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// content is what two manifests have in common that say the same.
type content struct {
	origin [32]byte
	start  int64 // of the run, in milliseconds
	state  manifest.State
	totals manifest.Totals
}

func contentOf(s archive.Summary) content {
	return content{s.Origin(), s.Manifest.Start.UnixMilli(), s.Manifest.State, s.Manifest.Totals}
}

// session commits manifests to one account, in one run.
type session struct {
	repo    *repo.Repo
	account string
	run     *repo.Run
	writer  *repo.Writer
	stock   *Restocker

	taken map[int64]bool        // times in the account's history
	there map[content]repo.Head // manifests of the account that count
	sound map[string]bool       // names of manifests that the run may inherit from (rule 1)
	tags  repo.Tags
	said  repo.Tags // also those that were taken back
}

// begin begins a run that writes to an account what others, of the accounts from, say.
func begin(ctx context.Context, r *repo.Repo, account string, from ...string) (s *session, err error) {
	s = &session{
		repo: r, account: account, taken: make(map[int64]bool), there: make(map[content]repo.Head), sound: make(map[string]bool),
	}
	if s.run, err = r.Begin(ctx); err != nil {
		return nil, err
	}
	for head, err := range s.run.Heads(ctx, account) {
		if err != nil && (head.Name == "" || ctx.Err() != nil || !archive.IsDamage(err)) {
			return nil, err
		}
		if s.taken[head.Time.UnixMilli()] = true; err != nil {
			continue
		}
		if err := s.listed(ctx, head); err != nil {
			return nil, err
		}
	}
	for _, other := range from {
		for head, err := range s.run.Heads(ctx, other) {
			if err != nil && (head.Name == "" || ctx.Err() != nil || !archive.IsDamage(err)) {
				return nil, err
			}
			s.sound[head.Name] = err == nil && head.Committed()
		}
	}
	if s.writer, err = s.run.Writer(ctx); err != nil { // only now: rule 1
		return nil, err
	}
	if err := s.learn(ctx); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	return s, nil
}

// listed notes a manifest of the account, if it counts.
func (s *session) listed(ctx context.Context, head repo.Head) error {
	if head.Marked || head.Misdated != "" {
		return nil
	}
	m, err := archive.ReadManifest(ctx, s.repo, head)
	if err != nil {
		return err
	}
	if head = s.repo.Judge(head, m.Deadline); head.Committed() {
		s.there[contentOf(archive.Summary{Head: head, Manifest: m})] = head
	}
	return nil
}

// learn reads what the session needs besides manifests.
func (s *session) learn(ctx context.Context) (err error) {
	if s.stock, err = NewRestocker(ctx, s.writer); err != nil {
		return err
	}
	if s.tags, s.said, err = s.repo.TagsSaid(ctx); err != nil {
		return err
	}
	marks, err := s.repo.Marks(ctx)
	if err != nil {
		return err
	}
	dir := s.repo.AccountDir(s.account)
	for name := range marks { // a copy would take one at such a time for forgotten
		if head, ok := repo.ParseManifest(name); ok && head.Account == dir {
			s.taken[head.Time.UnixMilli()] = true
		}
	}
	return nil
}

// restock sees to it that all that a manifest needs is stored, and returns what cannot be read any more.
func (s *session) restock(ctx context.Context, contents *archive.Contents) ([]manifest.Failure, error) {
	if s.sound[contents.Head.Name] {
		return nil, nil
	}
	return s.stock.Restock(ctx, contents)
}

// commit commits a manifest again. What it needs is stored.
func (s *session) commit(ctx context.Context, contents *archive.Contents, parent [32]byte) (repo.Head, error) {
	old := archive.Summary{Head: contents.Head, Manifest: contents.Manifest}
	m := *contents.Manifest
	m.Account, m.Deadline, m.Origin, m.Parent = s.account, s.run.Deadline(), old.Origin(), parent
	head, err := s.writer.CommitAt(ctx, s.account, s.place(old.Head.Time), m.EncodeAt)
	if err == nil {
		s.there[contentOf(old)] = head
	}
	return head, err
}

// place is the next time from one on at which the account has no manifest.
func (s *session) place(at time.Time) time.Time {
	for s.taken[at.UnixMilli()] {
		at = at.Add(time.Millisecond)
	}
	s.taken[at.UnixMilli()] = true
	return at
}

// bear has a new manifest bear the tags of the old one, and more, but for those of which a note on the new one speaks already.
func (s *session) bear(ctx context.Context, old, head repo.Head, more ...string) error {
	want := slices.DeleteFunc(slices.Concat(s.tags[old.Name], more), func(tag string) bool { return slices.Contains(s.said[head.Name], tag) })
	if len(want) == 0 {
		return nil
	}
	if err := s.repo.Tag(ctx, head, slices.Compact(slices.Sorted(slices.Values(want))), nil); err != nil {
		return fmt.Errorf("set the tags of %s: %w", head.Name, err)
	}
	return nil
}
