package imaprestore

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.LabelKeeper = (*Target)(nil)

// KeepsLabels implements restore.LabelKeeper.
func (t *Target) KeepsLabels(ctx context.Context) (bool, error) {
	c, err := t.pool.Get(ctx)
	if err != nil {
		return false, err
	}
	defer t.pool.Put(c)
	return c.IsGmail(), nil
}

// sameUse returns the raw name of Gmail's own mailbox for the special use of an archived one, or
// "". Gmail's always exist, in the user's language, and a second one cannot be made.
func (p *preparation) sameUse(box *mail.Mailbox) string {
	if !p.gmail {
		return ""
	}
	for _, there := range p.byKey {
		if there.Selectable() && slices.ContainsFunc(box.SpecialUse, there.Has) {
			return there.Raw
		}
	}
	return ""
}

// storeLabels gives appended messages their labels, with one command for those that have the same.
func (f *folder) storeLabels(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) error {
	alike := uidGroups{}
	for uid := range uids.All() {
		if labels := byUID[uid].Labels; len(labels) > 0 {
			alike.add(strings.Join(labels, "\x00"), uid)
		}
	}
	for key, set := range alike {
		err := f.mailbox.AddLabels(ctx, set, strings.Split(key, "\x00"))
		if err != nil && !refused(err) {
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
