package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// counterparts are the pages of a manifest, and those of what it was recast to.
type counterparts struct {
	records, flags map[chunk.ID]chunk.ID
	rows           map[string][]counterpart // by the mailbox's raw name, ascending
}

// counterpart is a page, and what was made of it.
type counterpart struct {
	old, new manifest.Page
	flags    bool // were there
}

func newCounterparts() *counterparts {
	return &counterparts{
		records: make(map[chunk.ID]chunk.ID),
		flags:   make(map[chunk.ID]chunk.ID),
		rows:    make(map[string][]counterpart),
	}
}

// add takes down what was made of a page. One that lost messages is no counterpart of the whole page; and flags that could
// not be read are told of each time, not only for the first manifest that has them.
func (c *counterparts) add(mailbox string, pair counterpart) {
	c.rows[mailbox] = append(c.rows[mailbox], pair)
	if pair.old.Messages != pair.new.Messages {
		return
	}
	c.records[pair.old.Records] = pair.new.Records
	if pair.flags {
		c.flags[pair.old.Flags] = pair.new.Flags
	}
}

// page is what was made of the page, if it was met before; Flags is zero where they are others now.
func (c *counterparts) page(old manifest.Page) (manifest.Page, bool) {
	records, ok := c.records[old.Records]
	old.Records, old.Flags = records, c.flags[old.Flags]
	return old, ok
}

// overlapping are the pages of a mailbox that have UIDs in common with a page.
func (c *counterparts) overlapping(mailbox string, page manifest.Page) []counterpart {
	first, last := page.Range()
	var some []counterpart
	for _, pair := range c.rows[mailbox] {
		if from, to := pair.old.Range(); from <= last && first <= to {
			some = append(some, pair)
		}
	}
	return some
}

// match finds the counterparts of two manifests, one of which was recast to the other: both have the same mailboxes, cut
// into the same pages but where messages were lost.
func match(ctx context.Context, old, new *Contents) (*counterparts, error) {
	c := newCounterparts()
	made := make(map[string]*manifest.Mailbox)
	for mailbox, err := range new.Mailboxes(ctx) {
		if err != nil {
			return nil, err
		}
		made[mailbox.Raw] = mailbox
	}
	for mailbox, err := range old.Mailboxes(ctx) {
		if err != nil {
			if !IsDamage(err) {
				return nil, err
			}
			continue
		}
		if err := c.matchMailbox(ctx, old, new, mailbox, made[mailbox.Raw]); err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mailbox.Name, err)
		}
	}
	return c, nil
}

func (c *counterparts) matchMailbox(ctx context.Context, old, new *Contents, mailbox, made *manifest.Mailbox) error {
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
			if !IsDamage(err) {
				return err
			}
			continue
		}
		if same, ok := pages[page.Start]; ok && same.Bits == page.Bits {
			c.add(mailbox.Raw, counterpart{page, same, flags})
		}
	}
	return nil
}

// lacksPages reports whether more of a mailbox may be missing than single messages: flags of a page, which leave no gap.
func lacksPages(m *manifest.Manifest, raw string) bool {
	return int64(len(m.Failures)) < m.Totals.Failures || slices.ContainsFunc(m.Failures, func(f manifest.Failure) bool {
		return f.Mailbox == raw && f.UID == 0
	})
}
