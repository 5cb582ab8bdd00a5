package imapserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// status is STATUS (RFC 3501 section 6.3.10, RFC 8438).
func (s *session) status(ctx context.Context, cmd *command.Command) error {
	name, items, err := cmd.Status()
	if err != nil {
		return err
	}
	m, err := s.mailbox(name)
	if err != nil {
		return err
	}
	return s.writeStatus(ctx, m, items)
}

// mailbox returns a mailbox that can be selected.
func (s *session) mailbox(name string) (*view.Mailbox, error) {
	m := s.view.Mailbox(name)
	switch {
	case m == nil:
		return nil, &no{"[NONEXISTENT] There is no mailbox of that name in this archive"}
	case !m.Selectable:
		return nil, &no{"[CANNOT] The mailbox could hold no messages"}
	}
	return m, nil
}

// writeStatus writes a STATUS response.
func (s *session) writeStatus(ctx context.Context, m *view.Mailbox, items []string) error {
	numbers, err := m.Numbers(ctx)
	if err != nil {
		return err
	}
	words := make([]string, len(items))
	for i, item := range items {
		var n int64
		switch item {
		case "MESSAGES":
			n = numbers.Messages
		case "UIDNEXT":
			n = int64(numbers.UIDNext)
		case "UIDVALIDITY":
			n = int64(numbers.UIDValidity)
		case "SIZE":
			n = numbers.Bytes
		case "UNSEEN":
			list, err := m.Open(ctx)
			if err != nil {
				return err
			}
			n = int64(len(unseen(list)))
		}
		words[i] = fmt.Sprint(item, " ", n)
	}
	s.out.line("* STATUS " + astring(m.Name) + " (" + strings.Join(words, " ") + ")")
	return nil
}

// unseen returns the messages without \Seen.
func unseen(l *view.List) (found []int) {
	seen := make([]bool, l.Sets())
	for i := range seen {
		seen[i] = l.Flags(i).Has(`\Seen`)
	}
	for i := range l.Len() {
		if !seen[l.Set(i)] {
			found = append(found, i)
		}
	}
	return found
}
