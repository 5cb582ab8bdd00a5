package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Mirrorer = (*Target)(nil)

// Extra implements restore.Mirrorer. It returns the user's own mailboxes that are not among places.
func (t *Target) Extra(ctx context.Context, places []restore.Place) ([]restore.Place, error) {
	c, err := t.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	defer t.pool.Put(c)
	switch {
	case !c.Has("UIDPLUS") && !c.Has("IMAP4REV2"):
		return nil, fmt.Errorf("%w: %s knows no UID EXPUNGE (UIDPLUS), and a plain EXPUNGE could remove other mail",
			errors.ErrUnsupported, t.opts.Host)
	case c.IsGmail():
		return nil, fmt.Errorf("%w: what an expunge means on Gmail depends on the account's settings",
			errors.ErrUnsupported)
	}
	survey, err := c.Survey(ctx, nil)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{"INBOX": true}
	for _, place := range places {
		taken[imapclient.SameName(place.Name)] = true
	}
	var beyond []restore.Place
	for _, box := range slices.Backward(survey.Mailboxes) { // Work/2026 before Work
		if box.Selectable() && !taken[imapclient.SameName(box.Raw)] {
			beyond = append(beyond, restore.Place{Mailbox: box.Name, Name: box.Raw})
		}
	}
	return beyond, nil
}

// RemoveEmpty implements restore.Mirrorer. Mail that comes between STATUS and DELETE is deleted;
// IMAP cannot prevent that.
func (t *Target) RemoveEmpty(ctx context.Context, place restore.Place) (removed bool, err error) {
	c, err := t.pool.Get(ctx)
	if err != nil {
		return false, err
	}
	defer t.pool.Put(c)
	if err := c.Unselect(ctx); err != nil {
		return false, err
	}
	status, err := c.Status(ctx, place.Name)
	if err != nil || status.Messages > 0 {
		return false, err
	}
	if err := c.Delete(ctx, place.Name); err != nil {
		return false, err
	}
	if err := c.Unsubscribe(ctx, place.Name); !c.Alive() {
		return true, err
	}
	return true, nil
}

// mirror is what a mailbox held, and what is extra.
type mirror struct {
	inventory
	surplus mail.UIDSet
	flags   map[mail.UID]mail.Flags // of all messages; later of those in reflag
	reflag  map[mail.UID]mail.Flags // that messages should have and do not have
}

// OpenMirror implements restore.Mirrorer. The mailbox is opened by EXAMINE.
func (t *Target) OpenMirror(ctx context.Context, place restore.Place) (restore.Mirror, error) {
	w := &mirror{inventory: t.folder(place, true).inventory, flags: map[mail.UID]mail.Flags{},
		reflag: map[mail.UID]mail.Flags{}}
	w.seen = func(m mail.Message) { w.flags[m.UID] = m.Flags }
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	for uid := range w.flags {
		w.surplus.Add(uid)
	}
	return w, nil
}

// Require implements restore.Mirror.
func (w *mirror) Require(ctx context.Context, wanted []restore.Message) (missing int, err error) {
	copies, err := w.match(ctx, wanted)
	if err == nil {
		err = w.resemble(ctx, wanted, copies)
	}
	if err != nil {
		return 0, err
	}
	w.matchFlags(wanted, copies)
	var kept mail.UIDSet
	for i, uid := range copies {
		if uid == 0 {
			missing++
			continue
		}
		kept.Add(uid)
		if want := sendable(wanted[i].Flags); !want.Equal(w.flags[uid].Without(`\Recent`)) {
			w.reflag[uid] = want
		}
	}
	w.surplus = w.surplus.Without(kept).Without(w.undelivered) // nobody knows what these are
	return missing, nil
}

// matchFlags exchanges the copies of equal messages so that as many as possible have the right
// flags.
func (w *mirror) matchFlags(wanted []restore.Message, copies []mail.UID) {
	alike := map[chunk.ID][]int{}
	for i, uid := range copies {
		if uid != 0 {
			alike[wanted[i].Hash] = append(alike[wanted[i].Hash], i)
		}
	}
	for _, group := range alike {
		fits := func(i, j int) bool { return sendable(wanted[i].Flags).Equal(w.flags[copies[j]].Without(`\Recent`)) }
		for _, i := range group {
			if fits(i, i) {
				continue
			}
			if j := slices.IndexFunc(group, func(j int) bool { return fits(i, j) && !fits(j, j) }); j >= 0 {
				copies[i], copies[group[j]] = copies[group[j]], copies[i]
			}
		}
	}
}

// sendable returns the flags that a command can hold.
func sendable(flags mail.Flags) mail.Flags {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool {
		return strings.EqualFold(flag, `\Recent`) || !wire.IsAtom(strings.TrimPrefix(flag, `\`))
	})
}

// Surplus implements restore.Mirror.
func (w *mirror) Surplus() (surplus, reflagged int64) { return w.surplus.Len(), int64(len(w.reflag)) }

// Close gives the connection back. The findings remain for Apply.
func (w *mirror) Close() error { return w.close() }

// expungeBatch is the number of messages that one command removes.
const expungeBatch = 1000

// Apply implements restore.Mirror.
func (w *mirror) Apply(ctx context.Context, earlier restore.Mirror) (done restore.MirrorResult, err error) {
	before, ok := earlier.(*mirror)
	if !ok || before.validity != w.validity {
		return done, fmt.Errorf("mailbox %s was replaced meanwhile: nothing was removed from it",
			wire.PrintableName(w.place.Name))
	}
	var due mail.UIDSet
	for uid := range w.surplus.All() {
		if before.surplus.Contains(uid) {
			due.Add(uid)
		}
	}
	if due.Len() == 0 && len(w.reflag) == 0 {
		return done, nil
	}
	f := &session{t: w.t, place: w.place, validity: w.validity} // by SELECT; fails if it is another mailbox now
	defer f.release()
	if err := f.acquire(ctx); err != nil {
		return done, err
	}
	if done.Reflagged, err = w.setFlags(ctx, f); err != nil {
		return done, err
	}
	left, err := f.expunge(ctx, due)
	done.Left = left.Len()
	done.Removed = due.Len() - done.Left
	return done, err
}

// expunge removes exactly these messages, and returns those that are still there.
func (s *session) expunge(ctx context.Context, due mail.UIDSet) (left mail.UIDSet, err error) {
	var part mail.UIDSet
	pull := func() error {
		if part.Len() == 0 {
			return nil
		}
		if err := s.mailbox.Store(ctx, part, "+", []string{`\Deleted`}); err != nil {
			return err
		}
		err := s.mailbox.Expunge(ctx, part)
		part = mail.UIDSet{}
		return err
	}
	for uid := range due.All() {
		if part.Add(uid); part.Len() == expungeBatch {
			if err := pull(); err != nil {
				return due, err
			}
		}
	}
	if err := pull(); err != nil || due.Len() == 0 {
		return due, err
	}
	there, err := s.mailbox.FetchUIDs(ctx, mail.UIDRange{First: 1, Last: math.MaxUint32})
	return due.Without(due.Without(there)), err
}

// setFlags gives messages the flags that they should have, as far as the mailbox keeps them, with
// one command for messages that get the same.
func (w *mirror) setFlags(ctx context.Context, f *session) (changed int64, err error) {
	alike := uidGroups{}
	for uid, want := range w.reflag {
		able := slices.DeleteFunc(slices.Clone(want), func(flag string) bool { return !f.mailbox.CanSet(flag) })
		if able.Equal(w.flags[uid].Without(`\Recent`)) {
			continue
		}
		alike.add(strings.Join(able, " "), uid)
	}
	for flags, uids := range alike {
		var sign string // none: replace the flags
		if err := f.mailbox.Store(ctx, uids, sign, strings.Fields(flags)); err != nil {
			return changed, err
		}
		changed += uids.Len()
	}
	return changed, nil
}
