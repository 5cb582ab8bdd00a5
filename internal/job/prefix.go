package job

import (
	"cmp"
	"context"
	"errors"
	"math"
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

func (t *PrefixTarget) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	places, notes, err := t.Target.Prepare(ctx, t.moved(mailboxes))
	rename(places, mailboxes)
	return places, notes, err
}

// Preview implements restore.Previewer, if the target does.
func (t *PrefixTarget) Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	target, ok := t.Target.(restore.Previewer)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	places, err := target.Preview(ctx, t.moved(mailboxes))
	rename(places, mailboxes)
	return places, err
}

// AddProperties implements restore.PropertyTarget, if the target does.
func (t *PrefixTarget) AddProperties(
	ctx context.Context, wanted []mail.Properties, dry bool,
) (restore.PropertyReport, error) {
	target, ok := t.Target.(restore.PropertyTarget)
	if !ok {
		return restore.PropertyReport{}, restore.ErrNoProperties
	}
	return target.AddProperties(ctx, wanted, dry)
}

// OpenRead implements restore.Previewer. It is called only after Preview.
func (t *PrefixTarget) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	return t.Target.(restore.Previewer).OpenRead(ctx, place)
}

// Commit implements restore.Committer if the target does.
func (t *PrefixTarget) Commit() error {
	if target, ok := t.Target.(restore.Committer); ok {
		return target.Commit()
	}
	return nil
}

// MaxFolders implements restore.Bounded, with a number that bounds nothing if the target does not.
func (t *PrefixTarget) MaxFolders() int {
	if target, ok := t.Target.(restore.Bounded); ok {
		return target.MaxFolders()
	}
	return math.MaxInt
}

// Inform implements restore.Informed if the target does.
func (t *PrefixTarget) Inform(with restore.ArchiveInfo) {
	if target, ok := t.Target.(restore.Informed); ok {
		with.Mailboxes = t.moved(with.Mailboxes)
		target.Inform(with)
	}
}

func (t *PrefixTarget) moved(mailboxes []mail.Mailbox) []mail.Mailbox {
	moved := slices.Clone(mailboxes)
	for i := range moved {
		t.move(&moved[i])
	}
	return moved
}

// rename gives places the archived names of their mailboxes.
func rename(places []restore.Place, mailboxes []mail.Mailbox) {
	for i := range min(len(places), len(mailboxes)) {
		places[i].Mailbox = mailboxes[i].Name
	}
}

// move puts a mailbox below the prefix. There, INBOX is an ordinary name, and no mailbox has a
// special use, because the target has its own.
func (t *PrefixTarget) move(m *mail.Mailbox) {
	// A name without a delimiter may hold any character, and must stay one level.
	m.Delimiter = cmp.Or(m.Delimiter, "\x00")
	m.Name = strings.Join(append(strings.Split(strings.Trim(t.Prefix, "/"), "/"), m.Name), m.Delimiter)
	m.Raw = m.Name
	m.SpecialUse = nil
}
