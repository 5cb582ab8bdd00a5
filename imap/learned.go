package imap

import (
	"slices"
	"strings"
	"sync"
)

// learned is what the connections of one account have found out about its server, for later connections of the same run.
// Some servers end the connection at a command that they do not like. So a command that cost a connection is sent once more,
// alone if it names a mailbox. A command that cost two is not sent any more, if the run can do without it.
type learned struct {
	mu        sync.Mutex
	losses    map[string]int    // by command, as errors name it: connections that were lost during it
	reasons   map[string]string // by command, the error of the latest loss
	last      string            // the latest of these
	oneByOne  bool              // the server loses commands that come before it has answered the one before
	mechanism int               // the number of ways to log in that the server does not have
}

// lossesMost is the number of lost connections after which the run does without a command.
const lossesMost = 2

// lose counts a connection lost during a command.
func (l *learned) lose(command string, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losses == nil {
		l.losses, l.reasons = map[string]int{}, map[string]string{}
	}
	l.losses[command]++
	l.reasons[command] = reason.Error()
	l.last = command
}

// lost returns how many connections a command has cost.
func (l *learned) lost(command string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses[command]
}

// reason is the error of the latest loss, with the server's own words where it had any.
func (l *learned) reason(command string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reasons[command]
}

// avoid reports whether a command is not to be sent any more.
func (l *learned) avoid(command string) bool { return l.lost(command) >= lossesMost }

func (l *learned) setOneByOne() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oneByOne = true
}

func (l *learned) isOneByOne() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.oneByOne
}

// skipMechanism notes that the server does not have the first n ways to log in.
func (l *learned) skipMechanism(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mechanism = max(l.mechanism, n)
}

func (l *learned) mechanisms() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mechanism
}

// optional are commands that a run can do in another way, or without.
var optional = []string{"STATUS ", "LIST RETURN", "LIST (SUBSCRIBED)", "GETQUOTAROOT ", "NAMESPACE", "ID", "ENABLE", "COMPRESS"}

// canDoWithout reports, once, whether the latest connection was lost during such a command, so that another attempt differs.
func (l *learned) canDoWithout() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.last
	l.last = ""
	return slices.ContainsFunc(optional, func(prefix string) bool { return strings.HasPrefix(last, prefix) })
}
