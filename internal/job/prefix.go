package job

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// PrefixTarget is a target that puts all mailboxes below one.
type PrefixTarget struct {
	restore.Target
	Prefix string // levels separated by '/'
}

func (b *PrefixTarget) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	places, notes, err := b.Target.Prepare(ctx, b.moved(mailboxes))
	rename(places, mailboxes)
	return places, notes, err
}

// Preview implements restore.Previewer, if the target does.
func (b *PrefixTarget) Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	looker, ok := b.Target.(restore.Previewer)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	places, err := looker.Preview(ctx, b.moved(mailboxes))
	rename(places, mailboxes)
	return places, err
}

// OpenRead implements restore.Previewer. It is called only after Preview.
func (b *PrefixTarget) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	return b.Target.(restore.Previewer).OpenRead(ctx, place)
}

// Inform implements restore.Informed if the target does.
func (b *PrefixTarget) Inform(with restore.ArchiveInfo) {
	if target, ok := b.Target.(restore.Informed); ok {
		with.Mailboxes = b.moved(with.Mailboxes)
		target.Inform(with)
	}
}

func (b *PrefixTarget) moved(mailboxes []mail.Mailbox) []mail.Mailbox {
	moved := slices.Clone(mailboxes)
	for i := range moved {
		b.move(&moved[i])
	}
	return moved
}

// rename gives places the archived names of their mailboxes.
func rename(places []restore.Place, mailboxes []mail.Mailbox) {
	for i := range min(len(places), len(mailboxes)) {
		places[i].Mailbox = mailboxes[i].Name
	}
}

// move puts a mailbox below the prefix. There, INBOX is an ordinary name, and no mailbox has a special use, because the
// target has its own.
func (b *PrefixTarget) move(m *mail.Mailbox) {
	// A name without a delimiter may hold any character, and must stay one level.
	m.Delimiter = cmp.Or(m.Delimiter, "\x00")
	m.Name = strings.Join(append(strings.Split(strings.Trim(b.Prefix, "/"), "/"), m.Name), m.Delimiter)
	m.Raw = m.Name
	m.SpecialUse = nil
}
