package job

import (
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// Pattern matches the names of mailboxes.
type Pattern = mail.Pattern

const PatternHelp = `A mailbox includes all mailboxes below it, except INBOX. In its name, '*' matches any characters, and '%' any except the hierarchy delimiter.`

// Selection is the flags that select mailboxes.
type Selection struct {
	Mailbox []Pattern `group:"selection" sep:"none" placeholder:"NAME" help:"Only this mailbox (repeatable)."`
	Exclude []Pattern `group:"selection" sep:"none" placeholder:"NAME" help:"Not this mailbox (repeatable)."`
}

// Wants reports whether a mailbox is selected.
func (s *Selection) Wants(m *mail.Mailbox) bool {
	matches := func(p Pattern) bool { return p.Matches(m) }
	return (len(s.Mailbox) == 0 || slices.ContainsFunc(s.Mailbox, matches)) && !slices.ContainsFunc(s.Exclude, matches)
}

// Without returns the patterns that do not match a mailbox.
func Without(patterns []Pattern, m *mail.Mailbox) []Pattern {
	return slices.DeleteFunc(slices.Clone(patterns), func(p Pattern) bool { return p.Matches(m) })
}

// NoMailbox returns an error for an unknown mailbox, with the nearest name as a hint.
func NoMailbox(where, name string, names []string, advice string) error {
	return &hint.Error{
		Text: where + " has no mailbox " + ui.Quote(name),
		Hint: strings.TrimSpace(ui.DidYouMean(name, names) + " " + advice),
		Err:  mail.ErrNoMailbox,
	}
}
