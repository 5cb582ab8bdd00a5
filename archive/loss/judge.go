package loss

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// indexedComparison is a Comparison with indexes of the two manifests.
type indexedComparison struct {
	*Comparison
	inline, lists map[chunk.ID]bool                // record pages that mailboxes name themselves; page lists and list groups
	byName, was   map[string]*manifest.Mailbox     // of the later manifest, and of the earlier one
	byIdentity    map[identity][]*manifest.Mailbox // of the later manifest: mailboxes whose name is new or had another mailbox
	uses          emptiedMailboxes
}

// identity is what a mailbox keeps when it is renamed.
type identity struct {
	id       string // MAILBOXID; without one, validity is set
	validity uint32
}

func identityOf(m *manifest.Mailbox) identity {
	if m.Status == nil || m.Status.MailboxID != "" {
		return identity{id: mailboxID(m)}
	}
	return identity{validity: m.Status.UIDValidity}
}

func mailboxID(m *manifest.Mailbox) string {
	if m.Status == nil {
		return ""
	}
	return m.Status.MailboxID
}

func (c *Comparison) compare() *indexedComparison {
	v := &indexedComparison{
		Comparison: c, inline: make(map[chunk.ID]bool), lists: make(map[chunk.ID]bool),
		byName: make(map[string]*manifest.Mailbox), was: make(map[string]*manifest.Mailbox),
		byIdentity: make(map[identity][]*manifest.Mailbox),
		uses:       newEmptiedMailboxes(c.Before, c.Now),
	}
	for _, m := range c.Now {
		for _, page := range m.Pages {
			v.inline[page.Records] = true
		}
		for _, id := range slices.Concat(m.Lists, m.Groups) {
			v.lists[id] = true
		}
		v.byName[nameOf(m)] = m
	}
	for _, m := range c.Before {
		v.was[nameOf(m)] = m
	}
	for _, m := range c.Now {
		if was := v.was[nameOf(m)]; was == nil || replaced(was, m) {
			v.byIdentity[identityOf(m)] = append(v.byIdentity[identityOf(m)], m)
		}
	}
	return v
}

// nameOf returns the decoded name, which stays the same if the server changes the encoding of
// names.
func nameOf(m *manifest.Mailbox) string {
	if m.IsInbox() {
		return "INBOX"
	}
	return cmp.Or(m.Name, m.Raw)
}

func (c *indexedComparison) limitOf(m *mail.Mailbox) Limit {
	if c.Limit == nil {
		return Usual
	}
	return c.Limit(m)
}

// successor returns what an earlier mailbox is in the later manifest, or nil: the one of that name,
// unless that is another mailbox and the earlier one has another name now.
func (c *indexedComparison) successor(old *manifest.Mailbox) *manifest.Mailbox {
	named := c.byName[nameOf(old)]
	if named != nil && !replaced(old, named) {
		return named
	}
	if alike := c.byIdentity[identityOf(old)]; len(alike) == 1 && identityOf(old) != (identity{}) {
		return alike[0]
	}
	return named
}

// replaced reports whether a mailbox and an earlier one of that name are not the same.
func replaced(old, now *manifest.Mailbox) bool {
	if a, b := mailboxID(old), mailboxID(now); a != "" && b != "" {
		return a != b
	}
	a, b := old.UIDValidity(), now.UIDValidity()
	return a != 0 && b != 0 && a != b
}

// judge applies the limits to the number of messages that each mailbox of the earlier manifest
// lost.
func (c *indexedComparison) judge(lost []int64) *Losses {
	losses := &Losses{}
	var had, has, gone int64
	for i, old := range c.Before {
		limit := c.limitOf(&old.Mailbox)
		had += old.Messages
		if limit.Off {
			had -= lost[i] // with its alarm off, it does not count for the account either
		} else {
			gone += lost[i]
		}
		now := c.successor(old)
		switch {
		case limit.Exceeded(old.Messages, lost[i]),
			c.isEmptied(old, now, lost[i]) && limit.share(old.Messages, lost[i]):
			losses.Alarms = append(losses.Alarms, shrunk(old, now, lost[i]))
		case lost[i] > 0 && !limit.Off && !isThere(now):
			losses.Remarks = append(losses.Remarks, shrunk(old, now, lost[i]))
		}
	}
	for _, m := range c.Now {
		has += m.Messages
	}
	if limit := c.limitOf(nil); limit.Exceeded(had, gone) || gone == had && limit.share(had, gone) {
		losses.Alarms = append(losses.Alarms, accountShrunk(had, has, gone))
	}
	return losses
}

// isEmptied reports whether nothing is left of a mailbox, other than Trash, Junk and Drafts, which
// people empty.
func (c *indexedComparison) isEmptied(old, now *manifest.Mailbox, lost int64) bool {
	if c.uses.has(old) {
		return false
	}
	return !isThere(now) || now.Messages == 0 || lost == old.Messages && replaced(old, now)
}

func isThere(m *manifest.Mailbox) bool { return m != nil && m.Selectable() }

func shrunk(old, now *manifest.Mailbox, lost int64) string {
	name, before := cmp.Or(old.Name, old.Raw), messages(old.Messages)
	switch {
	case !isThere(now):
		return fmt.Sprintf("mailbox %q is gone: %s before; nowhere in the account that night: %d", name, before, lost)
	case now.Messages == 0:
		return fmt.Sprintf("mailbox %q is empty: %s before, none that night; nowhere in the account: %d",
			name, before, lost)
	}
	return fmt.Sprintf("mailbox %q: %s before, %d that night; nowhere in the account: %d of those before",
		name, before, now.Messages, lost)
}

func accountShrunk(had, has, gone int64) string {
	if has == 0 {
		return fmt.Sprintf("the account is empty: %s before, none that night", messages(had))
	}
	return fmt.Sprintf("the account as a whole: %s before, %d that night; gone: %d of those before",
		messages(had), has, gone)
}

func messages(n int64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
