package mail

import (
	"slices"
	"strings"
)

// Pattern matches mailboxes by their decoded or raw names. "Work" matches Work and all mailboxes
// below it. '*' matches any characters, '%' any except the hierarchy delimiter, as in LIST (RFC
// 9051, section 6.3.9). INBOX does not match the mailboxes below it, because on some servers all
// mailboxes are.
type Pattern string

// Matches reports whether a mailbox has a name that matches, decoded, raw or as it is shown, or is
// below one that does.
func (p Pattern) Matches(m *Mailbox) bool {
	if strings.EqualFold(string(p), "INBOX") {
		return m.IsInbox()
	}
	return p.matchesParent(m.Name, m.Delimiter) || m.Raw != m.Name && p.matchesParent(m.Raw, m.Delimiter) ||
		slices.ContainsFunc(shown(m.Name), func(form string) bool { return p.matchesParent(form, m.Delimiter) })
}

// matchesParent reports whether the pattern matches the name, or that of a mailbox above it.
func (p Pattern) matchesParent(name, delimiter string) bool {
	if matchName(string(p), name, delimiter) {
		return true
	}
	if delimiter == "" {
		return false
	}
	for at := len(name); ; {
		at = strings.LastIndex(name[:at], delimiter)
		if at < 0 {
			return false
		}
		if matchName(string(p), name[:at], delimiter) {
			return true
		}
	}
}

// matchName matches a whole name. It backtracks only to the last wildcard, so it takes at most
// len(pattern) × len(name) steps.
func matchName(pattern, name, delimiter string) bool {
	var star, mark = -1, 0 // the last '*', and the end of what it matches
	var percent, at = -1, 0
	i, j := 0, 0
	for j < len(name) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark, percent = i, j, -1
			i++
		case i < len(pattern) && pattern[i] == '%':
			percent, at = i, j
			i++
		case i < len(pattern) && pattern[i] == name[j]:
			i, j = i+1, j+1
		case percent >= 0 && !strings.HasPrefix(name[at:], delimiter) || percent >= 0 && delimiter == "":
			at++
			i, j = percent+1, at
		case star >= 0:
			mark++
			i, j, percent = star+1, mark, -1
		default:
			return false
		}
	}
	for i < len(pattern) && (pattern[i] == '*' || pattern[i] == '%') {
		i++
	}
	return i == len(pattern)
}
