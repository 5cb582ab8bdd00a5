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

// ends returns the first and the last of the manifests that count in which the message was there.
func (l *Live) ends(s *stay) (first, last liveNight, ok bool) {
	box := l.state.boxes[s.box]
	if box == nil {
		return first, last, false
	}
	nights := l.accounts[box.account]
	byNumber := func(n liveNight, number uint64) int { return compareNumbers(n.number, number) }
	from, _ := slices.BinarySearchFunc(nights, s.first, byNumber)
	to := len(nights)
	if s.last != openNight {
		to, _ = slices.BinarySearchFunc(nights, s.last+1, byNumber)
	}
	if from >= to {
		return first, last, false
	}
	return nights[from], nights[to-1], true
}
