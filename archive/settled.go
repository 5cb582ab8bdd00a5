package archive

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// SettledAlarms returns the manifests whose alarms stand although all they report are manifests that somebody has acknowledged. A backup
// that finds a loss that another manifest did not report has an alarm about it, and one acknowledgement is enough for one loss.
func SettledAlarms(ctx context.Context, r *repo.Repo) (settled []Summary, err error) {
	tags, _, err := r.ReadableTags(ctx)
	if err != nil {
		return nil, err
	}
	var acknowledged []string // hashes of manifests
	for name, of := range tags {
		if slices.Contains(of, history.TagAcknowledged) {
			acknowledged = append(acknowledged, name[strings.LastIndexByte(name, '-')+1:])
		}
	}
	standing, _, err := StandingAlarms(ctx, r)
	if err != nil {
		return nil, err
	}
	unsettled := func(alarm string) bool {
		id, ok := reported(alarm)
		return !ok || !slices.ContainsFunc(acknowledged, func(hash string) bool { return strings.HasPrefix(hash, id) })
	}
	for _, s := range standing {
		if !slices.ContainsFunc(s.Manifest.Alarm, unsettled) {
			settled = append(settled, s)
		}
	}
	return settled, nil
}

// reportBegins begins the sentence of Unreported.String, before the id of the manifest.
const reportBegins = "manifest "

// reported returns the beginning of the id of the manifest that an alarm reports, if it is a sentence of Unreported.String.
func reported(alarm string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(alarm, reportBegins)
	id, rest, found := strings.Cut(rest, " of ")
	_, err := hex.DecodeString(id)
	return id, ok && found && err == nil && len(id) == 8 && strings.Contains(rest, unreportedSays)
}
