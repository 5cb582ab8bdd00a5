package maintain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// problemListing prints problems as they are found. In text, a damaged object is one problem: what
// it affects follows at the end, a line for each mailbox, because a lost pack affects thousands of
// messages.
type problemListing struct {
	*cli.Program
	progress *ui.Progress
	err      error
	printed  int             // problems
	damaged  map[string]bool // the objects of these
	repairs  [check.RepairPacks + 1]bool
	notes    int // harmless ones

	pending  check.Problem // the problem of the messages in uids, with the reason of the first
	uids     mail.UIDSet
	effects  []string // the first lines of what the damage affects
	unshown  int      // the other ones
	affected int64    // messages
}

func (l *problemListing) add(problem check.Problem) {
	l.progress.Done()
	if !problem.Harmless {
		l.repairs[problem.Repair] = true
	}
	switch {
	case l.JSON:
		l.err = errors.Join(l.err, l.PrintJSON(problemSummary{
			problem.Object, problem.Manifest, problem.Account, problem.Mailbox, uint32(problem.UID), problem.Reason,
			problem.Harmless, problem.Repair.String(),
		}))
	case problem.Harmless:
		if l.notes++; l.notes <= ui.MaxRemarks {
			l.Note("note: %s", ui.ShortenNames(ui.OneLine(problem.String())))
		}
	case problem.UID == 0:
		l.flush()
		l.problem(problem)
	default:
		if problem.Manifest != l.pending.Manifest || problem.Mailbox != l.pending.Mailbox {
			l.flush()
			l.pending = problem
		}
		l.uids.Add(problem.UID)
	}
}

// addVanished adds a problem if all manifests are gone that this host has seen.
func (l *problemListing) addVanished(ctx context.Context, r *repo.Repo, report *check.Report) error {
	vanished, err := summary.Vanished(ctx, r)
	if vanished != "" {
		report.Problems++
		l.add(check.Problem{Reason: vanished})
	}
	return err
}

// flush adds the pending problem.
func (l *problemListing) flush() {
	if l.uids.Len() == 0 {
		return
	}
	l.affected += int64(l.uids.Len())
	l.problem(l.pending)
	l.pending, l.uids = check.Problem{}, mail.UIDSet{}
}

// problem prints a problem, unless it is what an object affects that was printed before.
func (l *problemListing) problem(problem check.Problem) {
	switch {
	case problem.Manifest == "" || !l.damaged[problem.Object]:
		l.printed++
		if problem.Manifest == "" && problem.Object != "" {
			l.damaged[problem.Object] = true
		}
		l.Folded(ui.Red, l.describe(problem), "  ")
	case len(l.effects) < ui.MaxRemarks:
		if l.uids.Len() > 0 {
			problem.Reason = "" // the object's
		}
		l.effects = append(l.effects, l.describe(problem))
	default:
		l.unshown++
	}
}

// end prints what the damaged objects affect.
func (l *problemListing) end() {
	l.flush()
	if len(l.effects) == 0 {
		return
	}
	l.Printf("This affects:")
	for _, line := range l.effects {
		l.Folded(ui.Plain, "  "+line, "    ")
	}
	if l.unshown > 0 {
		l.Printf("  %s more; --json lists all", ui.Count(l.unshown))
	}
}

// describe returns a problem in a line. It names a damaged object in full, and what is affected as
// lists show it.
func (l *problemListing) describe(problem check.Problem) string {
	if problem.Manifest == "" {
		return ui.OneLine(problem.String())
	}
	id := problem.Manifest[strings.LastIndexAny(problem.Manifest, "/-")+1:]
	where := fmt.Sprintf("manifest %s of %s", id[:min(len(id), 8)], ui.Safe(problem.Account))
	if problem.Mailbox != "" {
		where += ", mailbox " + ui.Quote(problem.Mailbox)
	}
	if n := l.uids.Len(); n > 0 {
		where += fmt.Sprintf(", %s (UID %s)", ui.Plural(n, "message"), ui.Cut(l.uids.String(), 60))
	}
	if problem.Reason == "" {
		return where
	}
	return where + ": " + ui.ShortenHashes(ui.OneLine(problem.Reason))
}

// advice says what mends the damage.
func (l *problemListing) advice() string {
	var mends []string
	if l.repairs[check.RepairIndex] {
		mends = append(mends, "mailstrata repair index rebuilds the index from the packs")
	}
	if l.repairs[check.RepairPacks] {
		mends = append(mends, "mailstrata repair packs saves what can be read of damaged packs, and the next backup stores the rest again")
	}
	if len(mends) == 0 {
		return "if this program is older than what is named, update it; else bring the objects back from an older version of " +
			"the bucket, or from a copy of the repository (docs/guides/worst-day.md)"
	}
	return strings.Join(mends, "; ")
}
