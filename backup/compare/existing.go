package compare

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// maxUnchecked is how many UIDs are requested window by window only because the server claims to
// have messages: some hundred requests. If a server claims 4,294,967,295 messages, that would
// otherwise take hours.
const maxUnchecked = 1 << 17

// sparse is how many UIDs are not worth a check.
const sparse = 2000

// IsSparse reports whether Existing asks which of these UIDs exist.
func IsSparse(messages uint32, fresh mail.UIDSet) bool {
	return fresh.Len() > min(4*int64(messages)+sparse, maxUnchecked)
}

// Existing replaces a wide range that holds few messages with the UIDs that exist, because
// mailboxes can be sparse and a server's numbers wrong. It asks for flags: SEARCH is not reliable
// everywhere.
func Existing(ctx context.Context, session *source.Session, messages uint32, fresh mail.UIDSet) (mail.UIDSet, error) {
	if !IsSparse(messages, fresh) {
		return fresh, nil
	}
	var present uidCollector
	for all := range fresh.Ranges() {
		err := session.Ask(ctx, func(view source.View) error {
			for message, err := range view.Flags(ctx, all) {
				if err != nil {
					return err
				}
				if !all.Contains(message.UID) {
					continue
				}
				if err := present.add(message.UID, 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return mail.UIDSet{}, err
		}
	}
	return present.set(), nil
}

// uidCollector collects UIDs in any order. It sorts those that come out of order many at a time.
type uidCollector struct {
	sorted   mail.UIDSet
	ranges   int // of sorted
	last     mail.UID
	unsorted []mail.UID
}

// maxRanges is how many separate ranges of UIDs that are not recorded a mailbox may have: as many
// as if you kept every other of two million messages.
const maxRanges = 1 << 20

// add adds a UID. It returns an error if there are more ranges than a mailbox may have, including
// those counted before.
func (g *uidCollector) add(uid mail.UID, before int) error {
	g.put(uid)
	if g.ranges+before > maxRanges {
		return fmt.Errorf("%w: the server lists more than %d separate ranges of UIDs that are not recorded",
			mail.ErrFlood, maxRanges)
	}
	return nil
}

func (g *uidCollector) put(uid mail.UID) {
	if uid > g.last {
		if g.ranges == 0 || uid > g.last+1 {
			g.ranges++
		}
		g.sorted.Add(uid)
		g.last = uid
		return
	}
	if g.unsorted = append(g.unsorted, uid); len(g.unsorted) == 1<<20 {
		g.set()
	}
}

func (g *uidCollector) set() mail.UIDSet {
	if len(g.unsorted) == 0 {
		return g.sorted
	}
	ranges := slices.Collect(g.sorted.Ranges())
	for r := range mail.UIDs(g.unsorted...).Ranges() {
		ranges = append(ranges, r)
	}
	slices.SortFunc(ranges, func(a, b mail.UIDRange) int { return int(int64(a.First) - int64(b.First)) })
	g.sorted, g.unsorted, g.ranges = mail.UIDSet{}, nil, 0
	for _, r := range ranges {
		g.sorted.AddRange(r)
	}
	for range g.sorted.Ranges() {
		g.ranges++
	}
	return g.sorted
}
