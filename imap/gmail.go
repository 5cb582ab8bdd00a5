package imap

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Gmail's mailboxes are labels (X-GM-EXT-1): a message is in one of three places, All Mail, Spam or Trash, and is shown
// once more under each label that it has. So these three are read, with the labels of each message; the others are
// names. They are found by special use, for their names are in the user's language.

func (c *conn) isGmail() bool { return c.caps.has("X-GM-EXT-1") }

// markLabels marks the mailboxes whose messages are all read elsewhere.
func markLabels(survey *mail.Survey) {
	if !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Selectable() && m.Has(`\All`) }) {
		survey.Notes = append(survey.Notes, "All Mail is hidden from IMAP (Gmail's settings, Labels, Show in IMAP): the labels are read as mailboxes instead, and mail without a label is not seen")
		return
	}
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		m.Label = m.Selectable() && !slices.ContainsFunc([]string{`\All`, `\Junk`, `\Trash`}, m.Has)
	}
}

var _ restore.LabelKeeper = (*Target)(nil)

// KeepsLabels implements restore.LabelKeeper.
func (t *Target) KeepsLabels(ctx context.Context) (bool, error) {
	c, err := t.pool.get(ctx)
	if err != nil {
		return false, err
	}
	defer t.pool.put(c)
	return c.isGmail(), nil
}

// sameUse is the raw name of Gmail's own mailbox for the special use of an archived one; "": there is none. Gmail's are
// always there, in the language of the user, and no second one can be made.
func (p *preparation) sameUse(box *mail.Mailbox) string {
	if !p.c.isGmail() {
		return ""
	}
	for _, there := range p.there {
		if there.Selectable() && slices.ContainsFunc(box.SpecialUse, there.Has) {
			return there.Raw
		}
	}
	return ""
}

// storeLabels gives appended messages their labels, all those that have the same together.
func (f *folder) storeLabels(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) error {
	alike := map[string]mail.UIDSet{}
	for uid := range uids.All() {
		if labels := byUID[uid].Labels; len(labels) > 0 {
			key := strings.Join(labels, "\x00")
			set := alike[key]
			set.Add(uid)
			alike[key] = set
		}
	}
	for key, set := range alike {
		err := f.c.do(ctx, addLabels(set, strings.Split(key, "\x00")))
		if err != nil && !isRefused(err) {
			return err
		}
		for uid := range set.All() {
			if err != nil {
				byUID[uid].changedOnce("its labels are left out: %v", err)
			}
		}
	}
	return nil
}

func addLabels(uids mail.UIDSet, labels []string) *command {
	cmd := newCommand("UID STORE").raw(" " + uids.String() + " +X-GM-LABELS (")
	for i, label := range labels {
		if i > 0 {
			cmd.raw(" ")
		}
		name, system := strings.CutPrefix(label, `\`)
		switch decoded, ok := mail.DecodeName(label); {
		case system && isAtom(name):
			cmd.raw(label)
		case ok:
			cmd.text(mail.EncodeName(decoded)) // the archived one may be in UTF-8
		default:
			cmd.text(label)
		}
	}
	return cmd.raw(")")
}
