package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
)

// Budget bounds what is downloaded from an account. Zero means the default; below zero, there is no
// bound.
//
// A day's budget is shared by all runs that begin on the same day (UTC, by the store's clock), on
// any host: each manifest records how many bytes of messages were downloaded for it. A run that has
// used it up writes a checkpoint, and the first run of another day continues from there. A run that
// goes on past midnight belongs to the day on which it began. Otherwise two days' budgets could be
// spent within minutes, and exceed the server's own limit.
type Budget struct {
	// Day is in bytes. The default is unlimited, or 2 GB for Gmail, which locks an account for a
	// day if you download 2,500 MB.
	Day int64

	Second int64 // bytes; the default is unlimited
}

// gmailDay is the default budget for a day of a Gmail account.
const gmailDay = 2_000_000_000

// day returns the day's budget for an account on a server; 0: unlimited.
func (b Budget) day(server mail.Server) int64 {
	if b.Day == 0 && slices.Contains(server.Capabilities, "X-GM-EXT-1") {
		return gmailDay
	}
	return max(0, b.Day)
}

// limitToday sets what is left of the day for this run.
func (a *accountRun) limitToday(ctx context.Context) error {
	day := a.Budget.day(a.server)
	if day == 0 {
		return nil
	}
	spent, err := a.spentToday(ctx)
	a.quota.SetLeft(day - spent)
	return err
}

// spentToday returns what runs of the day on which this one began have downloaded, according to
// their manifests. A manifest that was committed again because the account was renamed counts once.
func (a *accountRun) spentToday(ctx context.Context) (bytes int64, err error) {
	midnight := a.run.Start().UTC().Truncate(24 * time.Hour)
	counted := make(map[[32]byte]bool)
	for head, err := range a.run.Heads(ctx, a.Name) {
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return 0, err
		case head.Misdated != "":
			continue // its times mean nothing, and findParent has warned
		case head.Time.Before(midnight):
			return bytes, nil
		case err != nil:
			continue // findParent has warned
		}
		m, err := archive.ReadManifest(ctx, a.repo, head)
		if err != nil || m.Start.Before(midnight) {
			continue
		}
		if s := (archive.Summary{Head: head, Manifest: m}); !counted[s.Origin()] {
			counted[s.Origin()] = true
			bytes += m.Downloaded
		}
	}
	return bytes, nil
}

// postpone ends a run whose budget is used up: it writes a checkpoint, from which the next run
// continues. What is new beside the mail is in a manifest before it.
func (a *accountRun) postpone(ctx context.Context, result *Result) {
	day := a.Budget.day(a.server)
	if result.Err = a.commitNewItems(ctx, fmt.Errorf(spentWarning, day)); result.Err != nil {
		return
	}
	a.recorder.warn(spentWarning, day)
	result.Postponed = true
	result.Head, result.Manifest, result.Err = a.writeCheckpoint(ctx)
}
