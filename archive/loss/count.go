package loss

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// candidate is a message of the earlier manifest that has not been found in the later one.
type candidate struct {
	hash chunk.Prefix
	box  uint32 // index in Before, or found
}

const found = math.MaxUint32

// candidatesAtMost bounds memory, at 20 bytes each. More candidates take several passes. Tests
// lower it.
var candidatesAtMost = 1 << 20

// aheadPages is the number of pages that are fetched together.
const aheadPages = 96

// leftPage is a page that only the earlier manifest has.
type leftPage struct {
	manifest.Page
	box int
}

// count counts, for each mailbox of the earlier manifest, the messages that are nowhere in the
// later one. If it finds on the way that the limits are kept, it stops, and the counts are upper
// bounds.
func (c *indexedComparison) count() ([]int64, error) {
	was, err := c.listsOf(c.Before)
	if err != nil {
		return nil, err
	}
	now, err := c.listsOf(c.Now)
	if err != nil {
		return nil, err
	}
	before, err := c.pagesBefore(was, now.all)
	if err != nil {
		return nil, err
	}
	changed, same, err := c.freshPages(before, now, was.all)
	if err != nil {
		return nil, err
	}
	restRead := false
	lost := make([]int64, len(c.Before))
	left := leftPages(before, changed, same)
	for len(left) > 0 {
		pass := left[:oneLoad(left)]
		left = left[len(pass):]
		candidates, err := c.candidates(pass)
		if err != nil {
			return nil, err
		}
		if err := c.markFound(candidates, changed); err != nil {
			return nil, err
		}
		if len(left) > 0 || c.isSuspicious(lost, candidates) {
			if !restRead {
				rest, err := c.restOfPages(now, was.all)
				if err != nil {
					return nil, err
				}
				same, restRead = append(same, rest...), true
			}
			if err := c.markFound(candidates, same); err != nil {
				return nil, err
			}
		}
		add(lost, candidates)
	}
	return lost, nil
}

// pageLists are the page lists of the mailboxes of a manifest.
type pageLists struct {
	of  [][]chunk.ID // by mailbox
	all map[chunk.ID]bool
}

// listsOf returns the page lists of mailboxes. It skips damaged list groups.
func (c *indexedComparison) listsOf(mailboxes []*manifest.Mailbox) (lists pageLists, err error) {
	lists = pageLists{make([][]chunk.ID, len(mailboxes)), make(map[chunk.ID]bool)}
	for i, m := range mailboxes {
		lists.of[i] = slices.Clone(m.Lists)
		for _, id := range m.Groups {
			some, err := readPiece(c, m, id, manifest.ParseListGroup)
			if err != nil {
				return pageLists{}, err
			}
			lists.of[i] = append(lists.of[i], some...)
		}
		for _, id := range lists.of[i] {
			lists.all[id] = true
		}
	}
	return lists, nil
}

// pagesBefore returns the pages of the earlier manifest, except for those in lists that the later
// one has too.
func (c *indexedComparison) pagesBefore(was pageLists, now map[chunk.ID]bool) (pages []leftPage, err error) {
	for i, m := range c.Before {
		rows, err := c.rows(m, was.of[i], func(id chunk.ID) bool { return !now[id] })
		if err != nil {
			return nil, err
		}
		for _, page := range slices.Concat(m.Pages, rows) {
			pages = append(pages, leftPage{page, i})
		}
	}
	return pages, nil
}

// freshPages returns the pages of the later manifest in lists that the earlier one does not have:
// those that it does not have either, and the others.
func (c *indexedComparison) freshPages(
	before []leftPage, now pageLists, was map[chunk.ID]bool,
) (changed, same []manifest.Page, err error) {
	known := make(map[chunk.ID]bool)
	for _, page := range before {
		known[page.Records] = true
	}
	for i, m := range c.Now {
		fresh, err := c.rows(m, now.of[i], func(id chunk.ID) bool { return !was[id] })
		if err != nil {
			return nil, nil, err
		}
		for _, page := range slices.Concat(m.Pages, fresh) {
			if known[page.Records] {
				same = append(same, page)
			} else {
				changed = append(changed, page)
			}
		}
	}
	return changed, same, nil
}

// restOfPages returns the pages of the later manifest in lists that the earlier one has too.
func (c *indexedComparison) restOfPages(now pageLists, was map[chunk.ID]bool) (pages []manifest.Page, err error) {
	for i, m := range c.Now {
		rows, err := c.rows(m, now.of[i], func(id chunk.ID) bool { return was[id] })
		if err != nil {
			return nil, err
		}
		pages = append(pages, rows...)
	}
	return pages, nil
}

// rows returns the page rows in the wanted ones of the lists of a mailbox. It skips damaged lists.
func (c *indexedComparison) rows(
	m *manifest.Mailbox, lists []chunk.ID, wanted func(chunk.ID) bool,
) (pages []manifest.Page, err error) {
	for _, id := range lists {
		if !wanted(id) {
			continue
		}
		list, err := readPiece(c, m, id, manifest.ParsePageList)
		if err != nil {
			return nil, err
		}
		pages = append(pages, list...)
	}
	return pages, nil
}

// readPiece reads a list group or a page list. One that is damaged is empty.
func readPiece[T any](
	c *indexedComparison, m *manifest.Mailbox, id chunk.ID, parse func([]byte) ([]T, error),
) ([]T, error) {
	b, err := c.Load(id)
	var list []T
	if err == nil {
		list, err = parse(b)
	}
	if err != nil && !c.Damaged(err) {
		return nil, fmt.Errorf("mailbox %q: %w", m.Name, err)
	}
	return list, nil
}

// leftPages returns the earlier pages that the later manifest does not have.
func leftPages(before []leftPage, changed, same []manifest.Page) []leftPage {
	now := make(map[chunk.ID]bool)
	for _, pages := range [][]manifest.Page{changed, same} {
		for _, page := range pages {
			now[page.Records] = true
		}
	}
	return slices.DeleteFunc(before, func(p leftPage) bool { return now[p.Records] })
}

// oneLoad returns how many of the pages fit into one pass, and at least 1.
func oneLoad(pages []leftPage) int {
	room := candidatesAtMost
	for n, page := range pages {
		if room -= int(page.Messages); room < 0 && n > 0 {
			return n
		}
	}
	return len(pages)
}

// candidates returns the messages of some pages, in the order of their hashes.
func (c *indexedComparison) candidates(pages []leftPage) (all []candidate, err error) {
	rows := make([]manifest.Page, len(pages))
	for i, page := range pages {
		rows[i] = page.Page
	}
	err = c.each(rows, func(i int, records []manifest.Record) (more bool) {
		for _, record := range records {
			if c.Erased != nil && c.Erased(record.Hash) {
				continue
			}
			all = append(all, candidate{record.Hash.Prefix(), uint32(pages[i].box)})
		}
		return true
	})
	slices.SortFunc(all, func(a, b candidate) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return all, err
}

// markFound marks the candidates that are in some pages of the later manifest. It stops when all
// are marked.
func (c *indexedComparison) markFound(candidates []candidate, pages []manifest.Page) error {
	left := 0
	for _, one := range candidates {
		if one.box != found {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	return c.each(pages, func(_ int, records []manifest.Record) (more bool) {
		for _, record := range records {
			left -= strike(candidates, record.Hash.Prefix())
		}
		return left > 0
	})
}

// strike marks the candidates with a hash, and counts them.
func strike(candidates []candidate, hash chunk.Prefix) (n int) {
	at, _ := slices.BinarySearchFunc(candidates, hash, func(c candidate, hash chunk.Prefix) int {
		return bytes.Compare(c.hash[:], hash[:])
	})
	for ; at < len(candidates) && candidates[at].hash == hash && candidates[at].box != found; at++ {
		candidates[at].box = found
		n++
	}
	return n
}

// each passes the records of pages to take, page by page, until take wants no more. It skips
// damaged pages.
func (c *indexedComparison) each(pages []manifest.Page, take func(i int, records []manifest.Record) (more bool)) error {
	for i, page := range pages {
		if c.Ahead != nil && i%aheadPages == 0 {
			var ids []chunk.ID
			for _, next := range pages[i:min(i+aheadPages, len(pages))] {
				ids = append(ids, next.Records)
			}
			c.Ahead(ids)
		}
		records, err := page.LoadRecords(c.Load)
		switch {
		case err == nil && !take(i, records):
			return nil
		case err != nil && !c.Damaged(err):
			return fmt.Errorf("%s: %w", page, err)
		}
	}
	return nil
}

// isSuspicious reports whether there would be an alarm if all candidates were lost.
func (c *indexedComparison) isSuspicious(lost []int64, candidates []candidate) bool {
	bounds := slices.Clone(lost)
	add(bounds, candidates)
	return len(c.judge(bounds).Alarms) > 0
}

// add counts the candidates that were not found.
func add(lost []int64, candidates []candidate) {
	for _, c := range candidates {
		if c.box != found {
			lost[c.box]++
		}
	}
}
