package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Suspicion is why an account may have had more than a manifest has. A mirror of such a manifest
// would remove it from its target, too.
type Suspicion struct {
	Acknowledged bool   // somebody has acknowledged the alarm of the manifest itself; false if it has none
	Text         string // an alarm of an earlier manifest that nobody has acknowledged, or what the manifest lacks without an alarm; "": none
}

// Suspect returns what is suspicious of a manifest. A mailbox that was emptied on Friday is as
// empty in the good nights after it, so the alarms of all earlier manifests count.
func Suspect(ctx context.Context, r *repo.Repo, of Summary, limits Limits) (found Suspicion, err error) {
	if len(of.Manifest.Alarm) > 0 {
		tags, _, err := r.ReadableTags(ctx) // an acknowledgement that cannot be read does not count
		if err != nil {
			return found, err
		}
		found.Acknowledged = slices.Contains(tags[of.Head.Name], history.TagAcknowledged)
	}
	standing, damage, err := StandingAlarms(ctx, r)
	if err != nil {
		return found, err
	}
	isEarlier := func(head repo.Head) bool { return head.Account == of.Head.Account && head.Time.Before(of.Head.Time) }
	for _, s := range standing {
		if isEarlier(s.Head) {
			id := hex.EncodeToString(s.Head.ID[:4])
			found.Text = fmt.Sprintf("%s (mailstrata show %s; if it was meant: mailstrata forget --acknowledge %s)",
				s.Manifest.Alarm[0], id, id)
			return found, nil
		}
	}
	for _, err := range damage {
		var unread *AlarmError
		if errors.As(err, &unread) && isEarlier(unread.Head) && !errors.Is(err, repo.ErrNotMine) &&
			!errors.Is(err, repo.ErrMisdated) {
			found.Text = "its alarm cannot be read: " + err.Error()
			return found, nil
		}
	}
	lost, err := lossOf(ctx, r, of, limits)
	if lost != nil {
		found.Text = lost.String()
	}
	return found, err
}
