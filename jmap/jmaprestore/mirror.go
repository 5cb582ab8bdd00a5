package jmaprestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Mirrorer = (*Target)(nil)

// mirror is the messages of a mailbox when it was opened, and which of them are surplus.
type mirror struct {
	folder
	emails   map[string]*email // by id
	surplus  map[string]bool
	keywords map[string]jmap.Set // that messages should have and do not have
}

// Extra implements restore.Mirrorer. It leaves out empty mailboxes that have a role, or one of the
// places below them.
func (t *Target) Extra(ctx context.Context, places []restore.Place) ([]restore.Place, error) {
	existing, err := t.mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	paths := paths(existing)
	var extra []restore.Place
	for i := range existing {
		m := &existing[i]
		if m.Role == "inbox" || slices.ContainsFunc(places, func(p restore.Place) bool { return p.Name == m.ID }) {
			continue
		}
		isAbove := slices.ContainsFunc(places, func(p restore.Place) bool {
			below := paths[p.Name]
			return len(below) > len(paths[m.ID]) && slices.Equal(below[:len(paths[m.ID])], paths[m.ID])
		})
		if empty := m.Emails != nil && *m.Emails == 0; !empty || m.Role == "" && !isAbove {
			extra = append(extra, restore.Place{Mailbox: strings.Join(paths[m.ID], "/"), Name: m.ID})
		}
	}
	slices.SortStableFunc(extra, func(a, b restore.Place) int { return len(paths[b.Name]) - len(paths[a.Name]) }) // those below first
	return extra, nil
}

// OpenMirror implements restore.Mirrorer.
func (t *Target) OpenMirror(ctx context.Context, place restore.Place) (restore.Mirror, error) {
	x, err := t.load(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := t.ids(ctx, map[string]any{"inMailbox": place.Name})
	if err != nil {
		return nil, err
	}
	list, err := t.describe(ctx, ids)
	if err != nil {
		return nil, err
	}
	m := &mirror{
		folder: *newFolder(t, place.Name), emails: make(map[string]*email), surplus: make(map[string]bool),
		keywords: make(map[string]jmap.Set),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, now := range list {
		e := x.byID[now.id]
		if e == nil {
			e = now
			x.add(e)
		}
		e.boxes, e.keywords = now.boxes, now.keywords // the text of a message stays
		if e.isIn(place.Name) {
			m.emails[e.id], m.surplus[e.id] = e, true
		}
	}
	return m, nil
}

// Require implements restore.Mirror.
func (m *mirror) Require(ctx context.Context, wanted []restore.Message) (missing int, err error) {
	x, err := m.t.load(ctx)
	if err != nil {
		return 0, err
	}
	sizes := make(map[int64]bool)
	for i := range wanted {
		sizes[wanted[i].Size] = true
	}
	var read []*email
	for _, e := range m.emails {
		if sizes[e.size] {
			read = append(read, e)
		}
	}
	if err := m.t.readAll(ctx, x, read); err != nil {
		return 0, err
	}
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	left := make([]*restore.Message, 0, len(wanted))
	for i := range wanted { // copies with the right keywords first
		if !m.require(x, &wanted[i], true) {
			left = append(left, &wanted[i])
		}
	}
	for _, w := range left {
		if !m.require(x, w, false) {
			missing++
		}
	}
	return missing, nil
}

// require finds a copy of a wanted message, with the same keywords or any. The caller holds mu.
func (m *mirror) require(x *existing, w *restore.Message, same bool) bool {
	keywords, _ := jmap.Keywords(w.Flags)
	for _, e := range x.byHash[w.Hash] {
		if !m.surplus[e.id] || same && !equalKeywords(e.keywords, keywords) {
			continue
		}
		delete(m.surplus, e.id)
		// A message of several mailboxes has one set of keywords: that of the first of them.
		if m.t.firsts[e.id] == "" {
			m.t.firsts[e.id] = m.box
		}
		if m.t.firsts[e.id] == m.box && !equalKeywords(e.keywords, keywords) {
			m.keywords[e.id] = keywords
		}
		return true
	}
	return false
}

// Surplus implements restore.Mirror.
func (m *mirror) Surplus() (surplus, reflagged int64) {
	return int64(len(m.surplus)), int64(len(m.keywords))
}

// Apply implements restore.Mirror.
func (m *mirror) Apply(ctx context.Context, earlier restore.Mirror) (done restore.MirrorResult, err error) {
	before, ok := earlier.(*mirror)
	if !ok {
		return done, errors.ErrUnsupported
	}
	session, err := m.t.session(ctx)
	if err != nil {
		return done, err
	}
	some := min(session.Limits.Set, session.Limits.Get, listTogether)
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(m.keywords)), some) {
		n, err := m.setKeywords(ctx, ids)
		if done.Reflagged += n; err != nil {
			return done, err
		}
	}
	var due []string
	for id := range m.surplus {
		if before.surplus[id] {
			due = append(due, id)
		}
	}
	slices.Sort(due)
	for ids := range slices.Chunk(due, some) {
		removed, err := m.remove(ctx, ids)
		if done.Removed += removed; err != nil {
			return done, err
		}
		done.Left += int64(len(ids)) - removed
	}
	return done, nil
}

// setKeywords gives messages the keywords that they should have. It returns how many got them.
func (m *mirror) setKeywords(ctx context.Context, ids []string) (changed int64, err error) {
	update := make(map[string]any)
	for _, id := range ids {
		update[id] = map[string]any{"keywords": m.keywords[id]}
	}
	var result jmap.SetResult
	err = m.t.one(ctx, "Email/set", map[string]any{"update": update}, &result)
	return int64(len(result.Updated)), err
}

// remove takes messages out of the mailbox, and destroys those that are in no other. It returns how
// many are removed. What another client changes meanwhile is looked at again, so that no message is
// destroyed that was put into a mailbox.
func (m *mirror) remove(ctx context.Context, ids []string) (removed int64, err error) {
	asked := make(map[string]bool) // messages that a request was about: one that is gone after it was removed by it, if its answer was lost
	for attempt := 1; len(ids) > 0; attempt++ {
		var left []string
		n := int64(0)
		n, left, err = m.removeSome(ctx, ids, asked)
		removed += n
		if len(left) == 0 || attempt == maxAttempts || err != nil && !errors.Is(err, mail.ErrTemporary) {
			return removed, err
		}
		ids = left
		if err := m.t.pause(ctx, attempt, err); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// removeSome is one attempt of remove. left are those to try again, with the reason.
func (m *mirror) removeSome(
	ctx context.Context, ids []string, asked map[string]bool,
) (removed int64, left []string, err error) {
	var got jmap.Got[jmap.Email]
	if err := m.t.client.One(ctx, "Email/get", map[string]any{"ids": ids, "properties": []string{"id", "mailboxIds"}}, &got); err != nil {
		return 0, ids, err
	}
	update, destroy, there := make(map[string]any), []string{}, make(map[string]bool)
	for _, e := range got.List {
		switch {
		case !slices.Contains(e.Mailboxes, m.box):
		case len(e.Mailboxes) == 1:
			destroy, there[e.ID] = append(destroy, e.ID), true
		default:
			update[e.ID], there[e.ID] = map[string]any{inMailbox(m.box): nil}, true
		}
	}
	for _, id := range ids {
		if asked[id] && !there[id] {
			removed++
		}
	}
	if len(there) == 0 {
		return removed, nil, nil
	}
	for id := range there {
		asked[id] = true
	}
	var result jmap.SetResult
	args := map[string]any{"ifInState": got.State, "update": update, "destroy": destroy}
	err = m.t.client.One(ctx, "Email/set", args, &result)
	if refusal := (*jmap.Error)(nil); errors.As(err, &refusal) && refusal.Type == jmap.StateMismatch {
		clear(asked) // nothing was done
		return removed, slices.Sorted(maps.Keys(there)), fmt.Errorf("%w: %w", mail.ErrTemporary, err)
	}
	if err != nil {
		return removed, slices.Sorted(maps.Keys(there)), err
	}
	for id := range there {
		if _, updated := result.Updated[id]; updated || slices.Contains(result.Destroyed, id) {
			removed++
		}
	}
	return removed, nil, nil
}

// Close implements restore.Mirror.
func (*mirror) Close() error { return nil }

// RemoveEmpty implements restore.Mirrorer.
func (t *Target) RemoveEmpty(ctx context.Context, place restore.Place) (removed bool, err error) {
	var result jmap.SetResult
	args := map[string]any{"destroy": []string{place.Name}, "onDestroyRemoveEmails": false}
	if err := t.one(ctx, "Mailbox/set", args, &result); err != nil {
		return false, err
	}
	if slices.Contains(result.Destroyed, place.Name) {
		return true, nil
	}
	if refusal := result.NotDestroyed[place.Name]; refusal != nil {
		refusal.Call = "Mailbox/set"
		return false, refusal
	}
	return false, nil
}
