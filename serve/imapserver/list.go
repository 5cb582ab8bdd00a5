package imapserver

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// list is LIST (RFC 3501 section 6.3.8, RFC 5258, RFC 5819, RFC 6154).
func (s *session) list(ctx context.Context, cmd *command.Command) error {
	l, err := cmd.List()
	if err != nil {
		return err
	}
	if !l.Extended && l.Patterns[0] == "" {
		s.out.line(`* LIST (\Noselect) ` + quote(s.delimiter()) + ` ""`)
		return nil
	}
	for _, e := range s.listed(l) {
		attributes := strings.Join(e.attributes(l), " ")
		s.out.line("* LIST (" + attributes + ") " + quote(e.delimiter) + " " + astring(e.name) + e.childInfo())
		if len(l.Status) > 0 && e.mailbox != nil && e.mailbox.Selectable {
			if err := s.writeStatus(ctx, e.mailbox, l.Status); err != nil {
				s.out.line("* NO " + s.excuse(err)) // RFC 5819 section 2: STATUS is left out
			}
		}
	}
	return nil
}

// lsub is LSUB (RFC 3501 section 6.3.9).
func (s *session) lsub(_ context.Context, cmd *command.Command) error {
	l, err := cmd.LSub()
	if err != nil {
		return err
	}
	l.Recursive = slices.ContainsFunc(l.Patterns, func(p string) bool { return strings.HasSuffix(p, "%") })
	for _, e := range s.listed(l) {
		var attributes []string
		if e.mailbox == nil || !e.mailbox.Subscribed || !e.mailbox.Selectable {
			attributes = []string{`\Noselect`}
		}
		s.out.line("* LSUB (" + strings.Join(attributes, " ") + ") " + quote(e.delimiter) + " " + astring(e.name))
	}
	return nil
}

// entry is a line of LIST.
type entry struct {
	name      string
	delimiter string
	mailbox   *view.Mailbox // nil: a level of the hierarchy without a mailbox

	children   bool
	subscribed bool // a mailbox below it is subscribed
}

// listed returns the entries of a LIST, ascending by name.
func (s *session) listed(l *command.List) (found []*entry) {
	patterns := make([]pattern, len(l.Patterns))
	levels := false // of the hierarchy that are no mailboxes
	for i, p := range l.Patterns {
		patterns[i] = newPattern(l.Reference + p)
		levels = levels || strings.HasSuffix(p, "%")
	}
	for _, e := range s.entries() {
		matches := slices.ContainsFunc(patterns, func(p pattern) bool { return p.matches(e.name, e.delimiter) })
		switch m := e.mailbox; {
		case !matches || m == nil && !levels,
			l.Special && (m == nil || len(m.SpecialUse) == 0),
			l.Subscribed && (m == nil || !m.Subscribed) && !(l.Recursive && e.subscribed):
			continue
		}
		if !l.Recursive {
			e.subscribed = false
		}
		found = append(found, e)
	}
	return found
}

// entries returns all mailboxes and the levels above them.
func (s *session) entries() []*entry {
	byName := make(map[string]*entry, len(s.view.Mailboxes))
	for _, m := range s.view.Mailboxes {
		byName[m.Name] = &entry{name: m.Name, delimiter: m.Delimiter, mailbox: m}
	}
	for _, m := range s.view.Mailboxes {
		for at := strings.LastIndex(m.Name, m.Delimiter); at > 0; at = strings.LastIndex(m.Name[:at], m.Delimiter) {
			above := byName[m.Name[:at]]
			if above == nil {
				above = &entry{name: m.Name[:at], delimiter: m.Delimiter}
				byName[above.name] = above
			}
			above.children = true
			above.subscribed = above.subscribed || m.Subscribed
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *entry) int { return strings.Compare(a.name, b.name) })
}

// attributes returns the attributes of the mailbox (RFC 3501 section 7.2.2, RFC 3348, RFC 6154).
func (e *entry) attributes(l *command.List) (all []string) {
	if e.mailbox == nil {
		all = append(all, `\NonExistent`, `\Noselect`)
	} else {
		all = append(all, e.mailbox.Attributes...)
	}
	if !l.Extended {
		all = slices.DeleteFunc(all, func(a string) bool { return a == `\NonExistent` }) // RFC 5258 defines it
	}
	switch {
	case e.children:
		all = append(all, `\HasChildren`)
	case !slices.Contains(all, `\Noinferiors`):
		all = append(all, `\HasNoChildren`)
	}
	if e.mailbox != nil {
		all = append(all, e.mailbox.SpecialUse...)
		if e.mailbox.Subscribed && l.ReturnSubscribed {
			all = append(all, `\Subscribed`)
		}
	}
	return all
}

// childInfo returns what RECURSIVEMATCH adds (RFC 5258 section 3.5).
func (e *entry) childInfo() string {
	if !e.subscribed {
		return ""
	}
	return ` ("CHILDINFO" ("SUBSCRIBED"))`
}
