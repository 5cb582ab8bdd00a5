package rewrite

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// PageMap maps the pages of a manifest to those that a Rewriter made of them.
type PageMap struct {
	records, flags map[chunk.ID]chunk.ID
	rows           map[string][]pagePair // by the mailbox's raw name, ascending
	items          map[chunk.ID]itemPage // item pages
}

// pagePair is a page, and what was made of it.
type pagePair struct {
	old, new manifest.Page
	flags    bool // were there
}

func newPageMap() *PageMap {
	return &PageMap{
		records: make(map[chunk.ID]chunk.ID),
		flags:   make(map[chunk.ID]chunk.ID),
		rows:    make(map[string][]pagePair),
		items:   make(map[chunk.ID]itemPage),
	}
}

// add records what was made of a page. If it lost messages, it does not stand for the whole page.
// If its flags could not be read, they are not recorded, so that they are reported for each
// manifest that has them.
func (m *PageMap) add(mailbox string, pair pagePair) {
	m.rows[mailbox] = append(m.rows[mailbox], pair)
	if pair.old.Messages != pair.new.Messages {
		return
	}
	m.records[pair.old.Records] = pair.new.Records
	if pair.flags {
		m.flags[pair.old.Flags] = pair.new.Flags
	}
}

// page returns what was made of a page, if its records are known. Flags is zero if its flags are
// not.
func (m *PageMap) page(old manifest.Page) (manifest.Page, bool) {
	records, ok := m.records[old.Records]
	old.Records, old.Flags = records, m.flags[old.Flags]
	return old, ok
}

// overlapping returns the pages of a mailbox that have UIDs in common with a page.
func (m *PageMap) overlapping(mailbox string, page manifest.Page) []pagePair {
	first, last := page.Range()
	var some []pagePair
	for _, pair := range m.rows[mailbox] {
		if from, to := pair.old.Range(); from <= last && first <= to {
			some = append(some, pair)
		}
	}
	return some
}

// MapPages returns the PageMap of an old manifest and a new one that a Rewriter made of it. Both
// have the same mailboxes, with the same pages except where messages were lost.
func MapPages(ctx context.Context, old, new *archive.Contents) (*PageMap, error) {
	c := newPageMap()
	made := make(map[string]*manifest.Mailbox)
	for mailbox, err := range new.Mailboxes(ctx) {
		if err != nil {
			return nil, err
		}
		made[mailbox.Raw] = mailbox
	}
	for mailbox, err := range old.Mailboxes(ctx) {
		if err != nil {
			if !archive.IsDamage(err) {
				return nil, err
			}
			continue
		}
		if err := c.matchMailbox(ctx, old, new, mailbox, made[mailbox.Raw]); err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mailbox.Name, err)
		}
	}
	return c, c.matchItems(ctx, old, new)
}

func (m *PageMap) matchMailbox(ctx context.Context, old, new *archive.Contents, mailbox, made *manifest.Mailbox) error {
	if made == nil {
		return nil
	}
	flags := !lacksPages(new.Manifest, made.Raw)
	pages := make(map[uint32]manifest.Page)
	for page, err := range new.Pages(ctx, made) {
		if err != nil {
			return err
		}
		pages[page.Start] = page
	}
	for page, err := range old.Pages(ctx, mailbox) {
		if err != nil {
			if !archive.IsDamage(err) {
				return err
			}
			continue
		}
		if same, ok := pages[page.Start]; ok && same.Bits == page.Bits {
			m.add(mailbox.Raw, pagePair{page, same, flags})
		}
	}
	return nil
}

// lacksPages reports whether more of a mailbox may be missing than single messages, such as the
// flags of a page.
func lacksPages(m *manifest.Manifest, raw string) bool {
	return int64(len(m.Failures)) < m.Totals.Failures || slices.ContainsFunc(m.Failures, func(f manifest.Failure) bool {
		return f.Mailbox == raw && f.UID == 0
	})
}
