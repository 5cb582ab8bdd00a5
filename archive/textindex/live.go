package textindex

import (
	"slices"

	"github.com/mailstrata/mailstrata/repo"
)

// Live has the manifests that count: those that are in the store, are not forgotten, and were read.
type Live struct {
	state    *state
	accounts map[uint64][]liveNight // ascending
	names    map[string]liveNight
}

type liveNight struct {
	number, account uint64
	head            repo.Head
}

func (s *state) live(heads map[string]repo.Head) *Live {
	l := &Live{state: s, accounts: make(map[uint64][]liveNight), names: make(map[string]liveNight)}
	for name, n := range s.nights {
		head, ok := heads[name]
		if !ok || n.kind != readNight || !head.Committed() {
			continue
		}
		found := liveNight{n.number, n.account, head}
		l.names[name] = found
		l.accounts[n.account] = append(l.accounts[n.account], found)
	}
	for _, nights := range l.accounts {
		slices.SortFunc(nights, func(a, b liveNight) int { return compareNumbers(a.number, b.number) })
	}
	return l
}

// Has reports whether the index has the messages of a manifest.
func (l *Live) Has(head repo.Head) bool {
	_, ok := l.names[head.Name]
	return ok
}

func compareNumbers(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// interval is some manifests of an account that count, one after the other: from one to before
// another, by their order.
type interval struct{ from, to int }

// interval returns the manifests that count in which the message was there.
func (l *Live) interval(s *stay) (account uint64, in interval, ok bool) {
	box := l.state.boxes[s.box]
	if box == nil {
		return 0, in, false
	}
	nights := l.accounts[box.account]
	byNumber := func(n liveNight, number uint64) int { return compareNumbers(n.number, number) }
	in.from, _ = slices.BinarySearchFunc(nights, s.first, byNumber)
	in.to = len(nights)
	if s.last != openNight {
		in.to, _ = slices.BinarySearchFunc(nights, s.last+1, byNumber)
	}
	return box.account, in, in.from < in.to
}

// gaps returns the manifests between intervals of one account, of which it changes the order.
func gaps(all []interval) (between []interval) {
	slices.SortFunc(all, func(a, b interval) int { return a.from - b.from })
	covered := 0
	for i, in := range all {
		if i > 0 && in.from > covered {
			between = append(between, interval{covered, in.from})
		}
		covered = max(covered, in.to)
	}
	return between
}
