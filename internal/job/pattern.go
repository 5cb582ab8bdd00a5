package job

import (
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// Pattern matches mailboxes by their decoded or raw names. "Work" matches Work and all mailboxes below it. '*' matches
// any characters, '%' any except the hierarchy delimiter, as in LIST (RFC 9051, section 6.3.9). INBOX does not match
// the mailboxes below it, because on some servers all mailboxes are.
type Pattern string

const PatternHelp = `A mailbox includes all mailboxes below it, except INBOX. In its name, '*' matches any characters, and '%' any except the hierarchy delimiter.`

func (p Pattern) Matches(m *mail.Mailbox) bool {
	if strings.EqualFold(string(p), "INBOX") {
		return m.IsInbox()
	}
	return p.matchesParent(m.Name, m.Delimiter) || m.Raw != m.Name && p.matchesParent(m.Raw, m.Delimiter)
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

// matchName matches a whole name. It backtracks only to the last wildcard, so it takes at most len(pattern) × len(name)
// steps.
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

// Selection is the flags that select mailboxes.
type Selection struct {
	Mailbox []Pattern `group:"selection" sep:"none" placeholder:"NAME" help:"Only this mailbox (repeatable)."`
	Exclude []Pattern `group:"selection" sep:"none" placeholder:"NAME" help:"Not this mailbox (repeatable)."`
}

// Wants reports whether a mailbox is selected.
func (s *Selection) Wants(m *mail.Mailbox) bool {
	wanted := len(s.Mailbox) == 0
	for _, p := range s.Mailbox {
		wanted = wanted || p.Matches(m)
	}
	for _, p := range s.Exclude {
		wanted = wanted && !p.Matches(m)
	}
	return wanted
}

// Without returns the patterns that do not match a mailbox.
func Without(patterns []Pattern, m *mail.Mailbox) []Pattern {
	var left []Pattern
	for _, p := range patterns {
		if !p.Matches(m) {
			left = append(left, p)
		}
	}
	return left
}

// NoMailbox returns an error for an unknown mailbox, with the nearest name as a hint.
func NoMailbox(where, name string, names []string, advice string) error {
	return &hint.Error{
		Text: where + " has no mailbox " + ui.Quote(name),
		Hint: strings.TrimSpace(ui.DidYouMean(name, names) + " " + advice),
		Err:  mail.ErrNoMailbox,
	}
}
