package diff

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// pair is a mailbox before and after. One of them may be nil.
type pair struct{ before, after *manifest.Mailbox }

// name is the name by which pairs are sorted.
func (p pair) name() string { return cmp.Or(p.after, p.before).Raw }

// renumbered reports whether the UIDs of one mean nothing in the other (RFC 9051 section 2.3.1.1).
func (p pair) renumbered() bool {
	a, b := p.before.UIDValidity(), p.after.UIDValidity()
	return a != 0 && b != 0 && a != b
}

// relabeled reports whether the messages of one are listed under another mailbox of its manifest,
// as labels, and those of the other are not. Then they neither left nor arrived.
func (p pair) relabeled() bool {
	return p.before != nil && p.after != nil && p.before.Label != p.after.Label
}

// mailboxID returns the MAILBOXID (RFC 8474), which stays when the mailbox is renamed and is never
// used again.
func mailboxID(m *manifest.Mailbox) string {
	if m.Status == nil {
		return ""
	}
	return m.Status.MailboxID
}

// numbers stay when a mailbox is renamed. They are used if the server has no MAILBOXID. All
// mailboxes that never had a message may have the same, so those do not count.
type numbers struct{ validity, next uint32 }

func numbersOf(m *manifest.Mailbox) (numbers, bool) {
	if m.Status == nil || m.Status.UIDValidity == 0 || m.Status.UIDNext <= 1 {
		return numbers{}, false
	}
	return numbers{m.Status.UIDValidity, m.Status.UIDNext}, true
}

// pairing pairs the mailboxes of two manifests. It removes each pair from both lists.
type pairing struct {
	c      [2]*archive.Contents
	before []*manifest.Mailbox
	after  []*manifest.Mailbox
	pairs  []pair
}

// pairMailboxes finds out which mailbox became which. It tries, in this order: the MAILBOXID; the
// name with the same UIDVALIDITY; UIDVALIDITY and UIDNEXT under another name, if a message under
// the same UID confirms it; the name alone, for a mailbox that was created again. Mailboxes that
// are left were removed or created. It leaves out mailboxes in tables that both manifests have,
// because these are the same.
func pairMailboxes(ctx context.Context, before, after *archive.Contents) ([]pair, error) {
	p := &pairing{c: [2]*archive.Contents{before, after}}
	after.PrefetchChunks(ctx, append(tablesBeyond(before, after), tablesBeyond(after, before)...))
	var err error
	if p.before, err = mailboxesBeyond(ctx, before, after); err != nil {
		return nil, err
	}
	if p.after, err = mailboxesBeyond(ctx, after, before); err != nil {
		return nil, err
	}
	byName := func(m *manifest.Mailbox) (string, bool) { return m.Raw, true }
	always := func(pair) (bool, error) { return true, nil }
	steps := []error{
		join(p, func(m *manifest.Mailbox) (string, bool) { return mailboxID(m), mailboxID(m) != "" }, always),
		join(p, byName, func(q pair) (bool, error) { return !q.renumbered(), nil }),
		join(p, numbersOf, func(q pair) (bool, error) { return p.shareMessages(ctx, q) }),
		join(p, byName, always),
	}
	if err := errors.Join(steps...); err != nil {
		return nil, err
	}
	for _, m := range p.before {
		p.pairs = append(p.pairs, pair{before: m})
	}
	for _, m := range p.after {
		p.pairs = append(p.pairs, pair{after: m})
	}
	slices.SortStableFunc(p.pairs, func(a, b pair) int { return cmp.Compare(a.name(), b.name()) })
	return p.pairs, nil
}

// mailboxesBeyond reads the mailboxes of a manifest, except for the tables that another one has
// too.
func mailboxesBeyond(ctx context.Context, c, other *archive.Contents) ([]*manifest.Mailbox, error) {
	m := *c.Manifest
	m.Tables = tablesBeyond(c, other)
	var mailboxes []*manifest.Mailbox
	for mailbox, err := range c.With(&m).Mailboxes(ctx) {
		if err != nil {
			return nil, err
		}
		mailboxes = append(mailboxes, mailbox)
	}
	return mailboxes, nil
}

// tablesBeyond returns the mailbox tables of a manifest that another one does not have.
func tablesBeyond(c, other *archive.Contents) []chunk.ID {
	return beyond(c.Manifest.Tables, other.Manifest.Tables)
}

// join pairs mailboxes that fit and that are the only ones on their side with their key.
func join[K comparable](p *pairing, key func(*manifest.Mailbox) (K, bool), fits func(pair) (bool, error)) error {
	before, after := unique(p.before, key), unique(p.after, key)
	paired := make(map[*manifest.Mailbox]bool)
	for _, b := range p.after {
		k, ok := key(b)
		if !ok || after[k] == nil || before[k] == nil {
			continue
		}
		q := pair{before[k], b}
		if ok, err := fits(q); err != nil {
			return err
		} else if ok {
			p.pairs = append(p.pairs, q)
			paired[q.before], paired[q.after] = true, true
		}
	}
	done := func(m *manifest.Mailbox) bool { return paired[m] }
	p.before, p.after = slices.DeleteFunc(p.before, done), slices.DeleteFunc(p.after, done)
	return nil
}

// unique maps each key that only one mailbox has to that mailbox.
func unique[K comparable](
	mailboxes []*manifest.Mailbox, key func(*manifest.Mailbox) (K, bool),
) map[K]*manifest.Mailbox {
	found := make(map[K]*manifest.Mailbox)
	for _, m := range mailboxes {
		k, ok := key(m)
		if !ok {
			continue
		}
		if _, twice := found[k]; twice {
			m = nil
		}
		found[k] = m
	}
	return found
}

// shareMessages reports whether two mailboxes have the same message under the same UID, or one of
// them is empty.
func (p *pairing) shareMessages(ctx context.Context, q pair) (bool, error) {
	if q.before.Messages == 0 || q.after.Messages == 0 {
		return true, nil
	}
	unshared := &unsharedPages{pair: q}
	err := unshared.readLists(ctx, p.c)
	if err == nil {
		err = unshared.readPages(ctx, p.c)
	}
	if err != nil {
		return false, archive.UnlessDamage(err)
	}
	before, after := unshared.pages[0], unshared.pages[1]
	var messages int64
	for _, page := range before {
		messages += int64(page.Messages)
	}
	if messages < q.before.Messages {
		return true, nil // some pages are shared
	}
	for x, y := range mergeEntries(ctx, p.c, q, before, after, &err) {
		if x != nil && y != nil && x.Hash == y.Hash {
			return true, nil
		}
	}
	return false, archive.UnlessDamage(err)
}
