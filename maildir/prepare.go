package maildir

import (
	"context"
	"fmt"
	"path"

	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Prepare implements restore.Target. It skips mailboxes that cannot hold messages.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	locations, dirs := t.locate(mailboxes)
	places, err := t.Make(ctx, mailboxes, dirs, func(top *tree.Tree, i int) error {
		return t.make(top, locations[i], mailboxes[i].Selectable())
	})
	var notes []string
	for i := range places {
		if l := locations[i]; l.isAltered(&mailboxes[i]) {
			notes = append(notes, fmt.Sprintf("mailbox %q is in the folder %q", mailboxes[i].Name, l.dir))
		}
	}
	if err != nil {
		return nil, notes, err
	}
	top, err := t.Tree()
	if err != nil {
		return nil, notes, err
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
