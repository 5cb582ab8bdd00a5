package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
)

// below is a target whose mailboxes all go below one.
type below struct {
	archive.Target
	prefix string // levels separated by '/'
}

func (b *below) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]archive.Place, []string, error) {
	moved := slices.Clone(mailboxes)
	for i := range moved {
		b.move(&moved[i])
	}
	places, notes, err := b.Target.Prepare(ctx, moved)
	for i := range min(len(places), len(mailboxes)) {
		places[i].Mailbox = mailboxes[i].Name
	}
	return places, notes, err
}

// move puts a mailbox below the prefix. There INBOX is a name like any other, and no mailbox has a special use: the
// target's own have them.
func (b *below) move(m *mail.Mailbox) {
	// A name without hierarchy may hold any character; it is to stay one level.
	m.Delimiter = cmp.Or(m.Delimiter, "\x00")
	m.Name = strings.Join(append(strings.Split(strings.Trim(b.prefix, "/"), "/"), m.Name), m.Delimiter)
	m.Raw = m.Name
	m.SpecialUse = nil
}
