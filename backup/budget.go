package backup

import (
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
)

// Budget bounds what is downloaded of an account. 0 is what is usual; below 0, there is no bound.
//
// A day's budget is for all runs that begin on that day (UTC, by the store's clock), on whatever host: each manifest says how
// much was downloaded for it. A run that has used it up lays a checkpoint, and the first one of another day goes on from there. What
// counts are the bytes of messages. A run that goes on past midnight is of the day on which it began: else two days'
// budgets could be spent within minutes, and what the budget is to keep, a server's own limit, be broken.
type Budget struct {
	Day    int64 // bytes; usual is none, and of Gmail 2 GB: it locks an account out for a day that downloads 2,500 MB
	Second int64 // bytes; usual is none
}

// gmailDay is what is downloaded of a Gmail account in a day, if nothing else is said.
const gmailDay = 2_000_000_000

// day is the day's budget for an account of a server; 0: none.
func (b Budget) day(server mail.Server) int64 {
	if b.Day == 0 && slices.Contains(server.Capabilities, "X-GM-EXT-1") {
		return gmailDay
	}
	return max(0, b.Day)
}

// budget finds out what is left of the day for this run.
func (a *accountRun) limitToday(ctx context.Context) error {
	day := a.Budget.day(a.server)
	if day == 0 {
		return nil
	}
	spent, err := a.spentToday(ctx)
	a.quota.SetLeft(day - spent)
	return err
}

// spentToday is what the runs of the day on which this one began have downloaded, as far as it is written down.
// A manifest that was committed again, when the account got another name, says what the first one said: it counts once.
func (a *accountRun) spentToday(ctx context.Context) (bytes int64, err error) {
	midnight := a.run.Start().UTC().Truncate(24 * time.Hour)
	counted := make(map[[32]byte]bool)
	for head, err := range a.run.Heads(ctx, a.Name) {
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return 0, err
		case head.Misdated != "":
			continue // its times say nothing, and findParent warned
		case head.Time.Before(midnight):
			return bytes, nil
		case err != nil:
			continue // findParent warned
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

// postpone ends a walk whose budget is used up: with a checkpoint, from which the next run goes on.
func (a *accountRun) postpone(ctx context.Context, b *Result) {
	a.record.warn(spentWarning, a.Budget.day(a.server))
	b.Postponed = true
	b.Head, b.Manifest, b.Err = a.writeCheckpoint(ctx)
}
