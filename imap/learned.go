package imap

import (
	"slices"
	"strings"
	"sync"
)

// learned is what the connections of one account have found out about its server, for those that are made later in the
// same run. Some servers end the connection at a command that they do not like. So a command that cost a connection is
// asked with care, and one that did so more than once is not asked any more, if the run can do without.
type learned struct {
	mu        sync.Mutex
	losses    map[string]int // by command, as errors name it: connections that were lost during it
	last      string         // the latest of these
	oneByOne  bool           // the server loses commands that come before it has answered the one before
	mechanism int            // how many of the ways to log in the server does not have
}

// lossesMost is how often a command may cost the connection until the run does without.
const lossesMost = 2

// lose counts a connection lost during a command.
func (l *learned) lose(command string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losses == nil {
		l.losses = map[string]int{}
	}
	l.losses[command]++
	l.last = command
}

// lost is how often.
func (l *learned) lost(command string) int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses[command]
}

// avoid reports that a command is not to be asked any more.
func (l *learned) avoid(command string) bool { return l.lost(command) >= lossesMost }

func (l *learned) setOneByOne() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oneByOne = true
}

func (l *learned) isOneByOne() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.oneByOne
}

// skipMechanism notes that the server does not have the first so many ways to log in.
func (l *learned) skipMechanism(n int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mechanism = max(l.mechanism, n)
}

func (l *learned) mechanisms() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mechanism
}

// optional are commands that a run can do in another way, or without.
var optional = []string{"STATUS ", "LIST RETURN", "LIST (SUBSCRIBED)", "GETQUOTAROOT ", "NAMESPACE", "ID", "ENABLE", "COMPRESS"}

// canDoWithout reports, once, that the latest connection was lost during such a command, so that another attempt differs.
func (l *learned) canDoWithout() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.last
	l.last = ""
	return slices.ContainsFunc(optional, func(prefix string) bool { return strings.HasPrefix(last, prefix) })
}
