package archive

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// SettledAlarms returns the manifests whose alarms stand although all they report are manifests of
// the account that somebody has acknowledged. A backup that finds a loss that another manifest did
// not report has an alarm about it, and one acknowledgement is enough for one loss.
//
// A thief of a writer's key can write such a sentence into the alarm of a manifest that lacks mail
// itself. So these manifests are compared with those before them, and one that lost something is
// not settled.
func SettledAlarms(ctx context.Context, r *repo.Repo, limits Limits) (settled []Summary, err error) {
	tags, _, err := r.ReadableTags(ctx)
	if err != nil {
		return nil, err
	}
	acknowledged := make(map[string][]string) // what sentences about acknowledged manifests begin with, by the folder of the account
	for name, of := range tags {
		if head, ok := repo.ParseManifest(name); ok && slices.Contains(of, history.TagAcknowledged) {
			acknowledged[head.Account] = append(acknowledged[head.Account], reportOf(head))
		}
	}
	standing, _, err := StandingAlarms(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, s := range standing {
		about := acknowledged[s.Head.Account]
		if slices.ContainsFunc(s.Manifest.Alarm, func(alarm string) bool { return !isAbout(alarm, about) }) {
			continue
		}
		lost, err := LostBefore(ctx, r, s, limits)
		switch {
		case err != nil && (ctx.Err() != nil || !IsDamage(err)):
			return nil, err
		case err == nil && len(lost) == 0:
			settled = append(settled, s)
		}
	}
	return settled, nil
}

// isAbout reports whether an alarm is a sentence of Unreported.String about one of some manifests,
// given by reportOf.
func isAbout(alarm string, reports []string) bool {
	return slices.ContainsFunc(reports, func(report string) bool {
		rest, ok := strings.CutPrefix(alarm, report)
		return ok && strings.Contains(rest, unreportedSays)
	})
}
