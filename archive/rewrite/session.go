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
	"github.com/mailstrata/mailstrata/repo/statement"
)

type session struct {
	repo    *repo.Repo
	account string
	run     *repo.Run
	writer  *repo.Writer
	sound   map[string]bool // names of manifests that the run may inherit from (rule 1)
	taken   map[int64]bool  // times at which the account has or had a manifest, in milliseconds
	tags    statement.Tags
	said    statement.Tags // also those that were taken back
}

func begin(ctx context.Context, r *repo.Repo, to, from string, listed func(repo.Head) error) (s *session, err error) {
	s = &session{repo: r, account: to, sound: make(map[string]bool), taken: make(map[int64]bool)}
	if s.run, err = r.Begin(ctx); err != nil {
		return nil, err
	}
	for _, account := range slices.Compact([]string{to, from}) {
		for head, err := range s.run.Heads(ctx, account) {
			if archive.EndsListing(ctx, head, err) {
				return nil, err
			}
			s.sound[head.Name] = err == nil && head.Committed()
			if account != to {
				continue
			}
			if s.taken[head.Time.UnixMilli()] = true; err != nil || listed == nil {
				continue
			}
			if err := listed(head); err != nil {
				return nil, err
			}
		}
	}
	if s.writer, err = s.run.Writer(ctx); err != nil { // after the manifests were listed: rule 1
		return nil, err
	}
	if s.tags, s.said, err = r.TagsNamed(ctx); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	return s, nil
}

func (s *session) commit(ctx context.Context, old archive.Summary, m *manifest.Manifest) (repo.Head, error) {
	m.Account, m.Deadline, m.Origin = s.account, s.run.Deadline(), old.Origin()
	at := nextFree(s.taken, old.Head.Time)
	s.taken[at.UnixMilli()] = true
	return s.writer.CommitAt(ctx, s.account, at, m.EncodeAt)
}

func (s *session) copyTags(ctx context.Context, old, head repo.Head, more ...string) error {
	want := slices.DeleteFunc(slices.Concat(s.tags[old.Name], more), func(tag string) bool { return slices.Contains(s.said[head.Name], tag) })
	if len(want) == 0 {
		return nil
	}
	if err := s.repo.Tag(ctx, head, slices.Compact(slices.Sorted(slices.Values(want))), nil); err != nil {
		return fmt.Errorf("set the tags of %s: %w", head.Name, err)
	}
	return nil
}

const (
	manifestsPerRun = 256
	runFor          = 2 * time.Hour
)

func inRuns(ctx context.Context, heads []repo.Head, start func() (*session, error), write func(repo.Head) error) error {
	for len(heads) > 0 {
		s, err := start()
		if err != nil {
			return err
		}
		n, err := s.each(ctx, heads[:min(len(heads), manifestsPerRun)], write)
		if err := errors.Join(err, s.writer.Close()); err != nil {
			return err
		}
		heads = heads[n:]
	}
	return nil
}

func (s *session) each(ctx context.Context, heads []repo.Head, write func(repo.Head) error) (n int, err error) {
	for _, head := range heads {
		now, err := s.run.Now(ctx)
		if err != nil {
			return n, err
		}
		if n > 0 && now.Sub(s.run.Start()) > runFor {
			break
		}
		if err := write(head); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func nextFree(taken map[int64]bool, at time.Time) time.Time {
	for taken[at.UnixMilli()] {
		at = at.Add(time.Millisecond)
	}
	return at
}

// FreeTime returns the time for a copy of a manifest: the first from that of head on which no
// manifest of the account has.
func FreeTime(ctx context.Context, r *repo.Repo, account string, head repo.Head) (time.Time, error) {
	taken := make(map[int64]bool)
	for other, err := range r.AccountManifests(ctx, account) {
		if err != nil {
			return time.Time{}, fmt.Errorf("find a time after %s: %w", head.Name, err)
		}
		taken[other.Time.UnixMilli()] = true
	}
	return nextFree(taken, head.Time), nil
}
