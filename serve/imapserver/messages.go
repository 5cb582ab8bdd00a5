package imapserver

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// interval is messages by their indexes: from first to before end.
type interval struct{ first, end int }

// messages returns the messages of a set, ascending and each once. A sequence number that does not
// exist is an error, and a UID that does not is skipped (RFC 3501 section 6.4.8).
func (s *selected) messages(set command.Set, uid bool) ([]interval, error) {
	n := s.list.Len()
	if n == 0 && !uid {
		for _, r := range set {
			if r.First != command.Star && r.Last != command.Star {
				return nil, &bad{"The mailbox is empty"}
			}
		}
		return nil, nil
	}
	var all []interval
	if !uid {
		for _, r := range set.Resolve(uint32(n)) {
			if int64(r.Last) > int64(n) {
				return nil, &bad{"There is no message with that number"}
			}
			all = append(all, interval{int(r.First) - 1, int(r.Last)})
		}
		return merge(all), nil
	}
	var largest mail.UID
	if n > 0 {
		largest = s.list.UID(n - 1)
	}
	for _, r := range set.Resolve(uint32(largest)) {
		end := n
		if r.Last < math.MaxUint32 {
			end = s.list.At(mail.UID(r.Last + 1))
		}
		all = append(all, interval{s.list.At(mail.UID(r.First)), end})
	}
	return merge(all), nil
}

// merge sorts intervals and joins those that overlap.
func merge(all []interval) (merged []interval) {
	slices.SortFunc(all, func(a, b interval) int { return cmp.Compare(a.first, b.first) })
	for _, i := range all {
		if last := len(merged) - 1; last >= 0 && i.first <= merged[last].end {
			merged[last].end = max(merged[last].end, i.end)
		} else if i.first < i.end {
			merged = append(merged, i)
		}
	}
	return merged
}

// after returns the messages of intervals after the one with an index.
func after(all []interval, i int) []interval {
	for len(all) > 0 && all[0].end <= i+1 {
		all = all[1:]
	}
	if len(all) > 0 && all[0].first <= i {
		all = append([]interval{{i + 1, all[0].end}}, all[1:]...)
	}
	return all
}

// indexes yields the messages of intervals.
func indexes(all []interval) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, i := range all {
			for n := i.first; n < i.end; n++ {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// count returns the number of messages.
func count(all []interval) (n int) {
	for _, i := range all {
		n += i.end - i.first
	}
	return n
}
