package textindex

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// comparison compares the manifests of an account, each with the one before it.
type comparison struct {
	*bringing
	account *account
	current *night                           // that is compared
	pages   map[uint64]map[span]chunk.Prefix // of the latest manifest, by mailbox
	same    map[uint64]*manifest.Mailbox     // of the latest manifest, as far as this run has read it
}

// night adds a manifest, which is newer than the latest one.
func (c *comparison) night(ctx context.Context, s archive.Summary) error {
	n := c.state.nights[s.Head.Name] // a run that was interrupted may have read a part of it
	if n == nil || n.number <= c.account.latest {
		n = &night{number: c.state.last + 1, account: c.account.number, kind: partialNight, name: s.Head.Name}
		c.state.addNight(n)
	}
	if s.Head.Late {
		n.kind = lateNight // it is remembered, so that it is not read again
		c.window.put(n.pair())
		return nil
	}
	c.current = n
	c.window.put(n.pair())
	if c.account.name != s.Manifest.Account {
		c.account.name = s.Manifest.Account
		c.window.put(c.account.pair())
	}
	if err := c.mailboxes(ctx, c.reader.Contents(s.Manifest), n.number); err != nil {
		return err
	}
	n.kind = readNight
	c.state.addNight(n)
	c.window.put(n.pair())
	c.window.nights++
	return c.writeIfFull(ctx)
}

// unlessDamage reports damage, and returns any other error. The manifest is then tried again.
func (c *comparison) unlessDamage(ctx context.Context, err error) error {
	if err := c.bringing.unlessDamage(ctx, err); err != nil {
		return err
	}
	c.current.lacks = true
	c.window.put(c.current.pair())
	return nil
}

func (c *comparison) writeIfFull(ctx context.Context) error {
	if !c.window.full() {
		return nil
	}
	return c.write(ctx)
}

// mailboxes compares the mailboxes of a manifest with those of the latest one.
func (c *comparison) mailboxes(ctx context.Context, contents *archive.Contents, n uint64) error {
	present, whole := make(map[uint64]bool), true
	for m, err := range c.ahead.Mailboxes(ctx, contents) {
		if err != nil {
			whole = false // which mailboxes are gone is not known
			if err := c.unlessDamage(ctx, err); err != nil {
				return err
			}
			continue
		}
		if m.Label {
			continue
		}
		box := c.box(&m.Mailbox)
		present[box.number] = true
		if err := c.mailbox(ctx, contents, m, box, n); err != nil {
			return err
		}
	}
	for number, pages := range c.pages {
		if !whole || present[number] {
			continue
		}
		for at := range pages {
			if err := c.endPage(ctx, number, at); err != nil {
				return err
			}
		}
		delete(c.pages, number)
		delete(c.same, number)
	}
	return nil
}

// box returns a mailbox of the account, and adds it if it is new.
func (c *comparison) box(m *mail.Mailbox) *mailbox {
	if b := c.state.byName[boxName{c.account.number, m.Raw}]; b != nil {
		return b
	}
	b := &mailbox{
		Mailbox: mail.Mailbox{Raw: m.Raw, Name: m.Name, Delimiter: m.Delimiter},
		number:  uint64(len(c.state.boxes) + 1), account: c.account.number,
	}
	c.state.addBox(b)
	c.window.put(b.pair())
	return b
}

// endPage ends the stays of a page, and removes it.
func (c *comparison) endPage(ctx context.Context, box uint64, at span) error {
	members, err := c.members(ctx, box, at)
	if err != nil {
		return err
	}
	for _, m := range members {
		c.window.end(box, m.uid, m.hash, c.account.latest)
	}
	c.removePage(box, at)
	return c.writeIfFull(ctx)
}

func (c *comparison) removePage(box uint64, at span) {
	c.window.delete(at.key(pageKey, box))
	c.window.delete(at.key(memberKey, box))
	delete(c.pages[box], at)
}

// members returns the messages of a page of the latest manifest.
func (c *comparison) members(ctx context.Context, box uint64, at span) ([]member, error) {
	key := at.key(memberKey, box)
	if value, has := c.window.pairs[string(key)]; has {
		return decodeMembers(value)
	}
	pairs, err := c.words.State(ctx, key)
	if err != nil || len(pairs) == 0 {
		return nil, err
	}
	return decodeMembers(pairs[0].Value)
}

// mailbox compares a mailbox with that of the latest manifest.
func (c *comparison) mailbox(
	ctx context.Context, contents *archive.Contents, m *manifest.Mailbox, box *mailbox, n uint64,
) error {
	if before := c.same[box.number]; before != nil && before.HasSamePages(m) {
		return nil
	}
	before := c.pages[box.number]
	if before == nil {
		before = make(map[span]chunk.Prefix)
		c.pages[box.number] = before
	}
	var fresh []manifest.Page
	now := make(map[span]bool)
	for page, err := range contents.Pages(ctx, m) {
		if err != nil { // which pages are gone is not known, so the stays go on
			return c.unlessDamage(ctx, err)
		}
		at := spanOf(page)
		if now[at] = true; before[at] != page.Records.Prefix() {
			fresh = append(fresh, page)
			now[at] = false
		}
	}
	d := &mailboxChange{comparison: c, box: box, n: n, old: make(map[span]bool), open: make(map[mail.UID]chunk.ID)}
	for at := range before {
		if !now[at] {
			d.old[at] = true
		}
	}
	if len(d.old)+len(fresh) > 0 {
		if err := d.run(ctx, contents, m, fresh); err != nil {
			return err
		}
	}
	c.same[box.number] = m
	return nil
}

// mailboxChange is what the pages of a mailbox that differ from the latest manifest change.
type mailboxChange struct {
	*comparison
	box  *mailbox
	n    uint64
	old  map[span]bool         // pages of the latest manifest that this one does not have
	open map[mail.UID]chunk.ID // messages of these that this manifest has not shown yet
}

// run compares the messages of old and fresh pages. Fresh pages are ascending. As soon as no more
// of them can have a message of an old page, the old pages are done, and a window can be written
// after each page.
func (c *mailboxChange) run(
	ctx context.Context, contents *archive.Contents, m *manifest.Mailbox, fresh []manifest.Page,
) error {
	highest, err := c.openOld(ctx)
	if err != nil {
		return err
	}
	settled := len(c.old) == 0
	for page, err := range c.ahead.Pages(ctx, inorder.Slice(fresh)) {
		if err != nil {
			return err
		}
		if !settled && page.Start > uint32(highest) {
			c.endOld()
			settled = true
		}
		if settled {
			if err := c.writeIfFull(ctx); err != nil {
				return err
			}
		}
		if err := c.page(ctx, contents, m, page); err != nil {
			return err
		}
	}
	c.endOld()
	return c.writeIfFull(ctx)
}

// openOld opens the messages of the old pages. It returns the highest UID.
func (c *mailboxChange) openOld(ctx context.Context) (highest mail.UID, err error) {
	for at := range c.old {
		members, err := c.members(ctx, c.box.number, at)
		if err != nil {
			return 0, err
		}
		for _, m := range members {
			c.open[m.uid] = m.hash
			highest = max(highest, m.uid)
		}
	}
	return highest, nil
}

// page compares the messages of a fresh page with those that are open. A page that cannot be read
// is taken to have none. It is not recorded, so that the next manifest with it reads it again.
func (c *mailboxChange) page(
	ctx context.Context, contents *archive.Contents, m *manifest.Mailbox, page manifest.Page,
) error {
	records, err := contents.Records(ctx, page)
	if err != nil {
		return c.unlessDamage(ctx, fmt.Errorf("mailbox %q, %s: record page %s: %w", m.Name, page, page.Records, err))
	}
	members := make([]member, len(records))
	for i := range records {
		r := &records[i]
		members[i] = member{r.UID, r.Hash}
		if hash, has := c.open[r.UID]; has && hash == r.Hash {
			delete(c.open, r.UID)
			continue
		}
		c.window.begin(c.box, r, c.n)
	}
	at, id := spanOf(page), page.Records.Prefix()
	c.window.put(fulltext.Pair{Key: at.key(pageKey, c.box.number), Value: id[:]})
	c.window.put(fulltext.Pair{Key: at.key(memberKey, c.box.number), Value: encodeMembers(members)})
	c.pages[c.box.number][at] = id
	delete(c.old, at)
	return nil
}

// endOld ends the stays of messages that this manifest does not have, and removes the pages that
// are old.
func (c *mailboxChange) endOld() {
	for uid, hash := range c.open {
		c.window.end(c.box.number, uid, hash, c.account.latest)
	}
	for at := range c.old {
		c.removePage(c.box.number, at)
	}
	clear(c.open)
	clear(c.old)
}
