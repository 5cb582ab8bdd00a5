package archive

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// StandingAlarms returns the manifests with an alarm that nobody has acknowledged, however old,
// those of an account from the newest to the oldest. Everything that names alarms to a person uses
// it, so that all agree. It lists the alarms, and reads only manifests that have one
// (repo.Repo.Alarms): their number does not depend on that of the nights.
//
// A checkpoint counts only while no later manifest has its alarms: the run that continues from it
// takes them over.
//
// Damage are the errors of manifests that cannot be read, each an *AlarmError, and of
// acknowledgements. An alarm whose acknowledgement cannot be read stands.
func StandingAlarms(ctx context.Context, r *repo.Repo) (standing []Summary, damage []error, err error) {
	var unreadable error
	tags := sync.OnceValues(func() (tags statement.Tags, err error) {
		tags, unreadable, err = r.ReadableTags(ctx)
		return tags, err
	})
	read := func(ctx context.Context, heads []repo.Head) (all []recentResult, err error) {
		tags, err := tags()
		if err != nil {
			return nil, err
		}
		acknowledged := func(h repo.Head) bool { return slices.Contains(tags[h.Name], history.TagAcknowledged) }
		return readAlarms(ctx, r, heads, acknowledged)
	}
	for account, err := range inorder.Map(ctx, readAhead, headsByAccount(r.Alarms(ctx)), read) {
		if err != nil {
			return nil, nil, err
		}
		for _, found := range account {
			if found.err != nil {
				damage = append(damage, &AlarmError{found.Head, found.err})
			} else {
				standing = append(standing, found.Summary)
			}
		}
	}
	if unreadable != nil {
		damage = append(damage, unreadable)
	}
	return standing, damage, nil
}

// AlarmError says why a manifest that has an alarm cannot be read.
type AlarmError struct {
	Head repo.Head
	Err  error
}

func (e *AlarmError) Error() string { return e.Err.Error() }
func (e *AlarmError) Unwrap() error { return e.Err }

// alarmsAhead is how many manifests of one account are read at once.
const alarmsAhead = 8

// readAlarms reads the manifests of an account that have an alarm, and returns those whose alarms
// stand. It reads acknowledged ones only if it finds a checkpoint, whose alarms they may have taken
// over.
func readAlarms(
	ctx context.Context, r *repo.Repo, heads []repo.Head, acknowledged func(repo.Head) bool,
) (all []recentResult, err error) {
	open, closed := partition(heads, acknowledged)
	if all, err = readAlarming(ctx, r, open); err != nil {
		return nil, err
	}
	isCheckpoint := func(s recentResult) bool { return s.err == nil && s.Manifest.State != manifest.Complete }
	if !slices.ContainsFunc(all, isCheckpoint) {
		return all, nil
	}
	others, err := readAlarming(ctx, r, closed)
	if err != nil {
		return nil, err
	}
	others = append(others, all...)
	return slices.DeleteFunc(all, func(s recentResult) bool {
		takes := func(by recentResult) bool { return by.err == nil && takesOver(by.Summary, s.Summary) }
		return isCheckpoint(s) && slices.ContainsFunc(others, takes)
	}), nil
}

// partition returns the heads for which is reports false, and the others.
func partition(heads []repo.Head, is func(repo.Head) bool) (without, with []repo.Head) {
	for _, h := range heads {
		if is(h) {
			with = append(with, h)
		} else {
			without = append(without, h)
		}
	}
	return without, with
}

// takesOver reports whether a manifest is later than another and has all of its alarms.
func takesOver(later, earlier Summary) bool {
	missing := func(alarm string) bool { return !slices.Contains(later.Manifest.Alarm, alarm) }
	return later.Head.Time.After(earlier.Head.Time) && !slices.ContainsFunc(earlier.Manifest.Alarm, missing)
}

// readAlarming reads manifests. It leaves out those that do not exist, that were never committed,
// and that have no alarm.
func readAlarming(ctx context.Context, r *repo.Repo, heads []repo.Head) (all []recentResult, err error) {
	read := func(ctx context.Context, head repo.Head) (recentResult, error) {
		s, err := summarize(ctx, r, head)
		if ctx.Err() != nil {
			return recentResult{}, context.Cause(ctx)
		}
		return recentResult{s, err}, nil
	}
	for found, err := range inorder.Map(ctx, alarmsAhead, inorder.Slice(heads), read) {
		switch {
		case err != nil:
			return nil, err
		case errors.Is(found.err, store.ErrNotExist),
			found.err == nil && (found.Head.Late || len(found.Manifest.Alarm) == 0):
			continue
		case found.err != nil && !IsDamage(found.err):
			return nil, found.err
		}
		all = append(all, found)
	}
	return all, nil
}
