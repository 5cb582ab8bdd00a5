package maildir

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Prepare implements restore.Target. It skips mailboxes that cannot hold messages.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	locations, dirs := t.locate(mailboxes)
	if err := tree.CheckApart(t.Dir, mailboxes, dirs); err != nil {
		return nil, nil, err
	}
	top, err := t.Tree()
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	places := make([]restore.Place, len(mailboxes))
	for i := range mailboxes {
		box, l := &mailboxes[i], locations[i]
		if err := errors.Join(ctx.Err(), t.make(top, l, box.Selectable())); err != nil {
			return nil, notes, err
		}
		places[i] = restore.Place{Mailbox: box.Name, Name: top.Path(l.dir), Skip: !box.Selectable()}
		if l.isAltered(box) {
			notes = append(notes, fmt.Sprintf("mailbox %q is in the folder %q", box.Name, l.dir))
		}
	}
	if err := t.options.Layout.subscribe(ctx, top.Root(), mailboxes, dirs); err != nil {
		return nil, notes, tree.Explain(top.Path(subscriptionsFile), err)
	}
	return places, notes, nil
}

// Preview implements restore.Previewer.
func (t *Target) Preview(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	_, dirs := t.locate(mailboxes)
	return t.Existing(mailboxes, dirs, "cur")
}

// make makes a folder. Maildir++ needs no folder for a mailbox without messages, because directory
// names are whole names.
func (t *Target) make(top *tree.Tree, l location, holdsMail bool) error {
	if !holdsMail && t.options.Layout == MaildirPP {
		return nil
	}
	if err := top.Mkdir(l.dir); err != nil {
		return err
	}
	if l.isCut() {
		if err := top.Mkfile(path.Join(l.dir, nameFile), l.full+"\n"); err != nil {
			return err
		}
	}
	if !holdsMail {
		return nil
	}
	if t.options.Layout == MaildirPP && l.dir != inboxDir {
		if err := top.Mkfile(path.Join(l.dir, "maildirfolder"), ""); err != nil {
			return err
		}
	}
	for _, sub := range []string{"tmp", "new", "cur"} { // cur is last, because programs recognize a Maildir by it
		if err := top.Mkdir(path.Join(l.dir, sub)); err != nil {
			return err
		}
	}
	return nil
}
