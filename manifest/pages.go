package manifest

import (
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// EncodePageList returns a page list: a chunk with up to 256 page rows of a mailbox, in ascending
// order. ParsePageList inverts it.
func EncodePageList(pages []Page) ([]byte, error) {
	if err := checkPageList(pages); err != nil {
		return nil, err
	}
	return marshal("page list", pages, MaxChunk)
}

// checkPageList returns why pages cannot be a list.
func checkPageList(pages []Page) error {
	if err := checkCount("pages in a list", len(pages), maxListPages); err != nil {
		return err
	}
	if len(pages) == 0 {
		return refuse("a list without pages")
	}
	for i, p := range pages {
		if err := p.check(); err != nil {
			return err
		}
		if i > 0 && uint64(p.Start) < pages[i-1].span().end() {
			return refuse("page at %d, after one that ends at %d", p.Start, pages[i-1].span().end())
		}
	}
	return nil
}

// ParsePageList inverts EncodePageList.
func ParsePageList(b []byte) ([]Page, error) {
	if pages, ok := scanPageList(b); ok && checkPageList(pages) == nil {
		return pages, nil
	}
	return decodePageList(b)
}

// decodePageList is ParsePageList by the general decoder. It is slower, and says what is wrong with
// a list.
func decodePageList(b []byte) ([]Page, error) {
	var pages []Page
	if err := unmarshal("page list", decoding, b, &pages, MaxChunk); err != nil {
		return nil, err
	}
	return canonical("page list", b, pages, EncodePageList)
}

// SetPages sets the pages of the mailbox, which must be as Fill makes them, and adds up Messages.
// Up to 4 pages are inline, up to 128 in lists of 16 of which the last may have fewer. More are in
// lists that are in groups. The caller sets Bytes.
func (mb *Mailbox) SetPages(pages []Page, put Put) error {
	return mb.setPagesAfter(pages, &structure{}, put)
}

// structure is the lists and groups of a mailbox: lists by the start of their first page, groups by
// their first list.
type structure struct {
	lists  map[uint32]pageList
	groups map[chunk.ID]listGroup
}

// pageList is a page list and its ID.
type pageList struct {
	pages []Page
	id    chunk.ID
}

// putList puts a page list, unless s has it.
func (s *structure) putList(pages []Page, put Put) (chunk.ID, error) {
	if known := s.lists[pages[0].Start]; slices.Equal(known.pages, pages) {
		return known.id, nil
	}
	return put.encoded(EncodePageList(pages))
}

// putGroup puts a list group, unless s has it.
func (s *structure) putGroup(lists []chunk.ID, put Put) (chunk.ID, error) {
	if known := s.groups[lists[0]]; slices.Equal(known.lists, lists) {
		return known.id, nil
	}
	return put.encoded(EncodeListGroup(lists))
}

// setPagesAfter is SetPages, except that it does not put lists and groups that are in before.
func (mb *Mailbox) setPagesAfter(pages []Page, before *structure, put Put) error {
	mb.Pages, mb.Lists, mb.Groups, mb.Messages = nil, nil, nil, 0
	for _, p := range pages {
		mb.Messages += int64(p.Messages)
	}
	switch {
	case len(pages) <= inlinePages:
		mb.Pages = pages
		return nil
	case len(pages) > ungroupedPages:
		return mb.setGroups(pages, before, put)
	}
	for list := range slices.Chunk(pages, listPages) {
		id, err := before.putList(list, put)
		if err != nil {
			return err
		}
		mb.Lists = append(mb.Lists, id)
	}
	return nil
}

// HasSamePages reports whether two mailboxes refer to the same pages, so that they have the same
// messages. It reads nothing.
func (mb *Mailbox) HasSamePages(other *Mailbox) bool {
	return slices.Equal(mb.Pages, other.Pages) && slices.Equal(mb.Lists, other.Lists) &&
		slices.Equal(mb.Groups, other.Groups)
}

// WithoutPages returns a copy of the mailbox without messages.
func (mb *Mailbox) WithoutPages() Mailbox {
	empty := *mb
	empty.Pages, empty.Lists, empty.Groups, empty.Messages, empty.Bytes = nil, nil, nil, 0, 0
	return empty
}

// AllPages returns all pages of the mailbox, inline or from lists.
func (mb *Mailbox) AllPages(load Load) ([]Page, error) {
	pages, _, err := mb.loadPages(load)
	return pages, err
}

// loadPages is AllPages. It also returns the lists and groups.
func (mb *Mailbox) loadPages(load Load) ([]Page, *structure, error) {
	if len(mb.Lists)+len(mb.Groups) == 0 {
		return mb.Pages, &structure{}, nil
	}
	s := &structure{lists: make(map[uint32]pageList), groups: make(map[chunk.ID]listGroup, len(mb.Groups))}
	groups, err := mb.loadGroups(load)
	if err != nil {
		return nil, nil, err
	}
	ids := slices.Clip(mb.Lists)
	for _, g := range groups {
		s.groups[g.lists[0]] = g
		ids = append(ids, g.lists...)
	}
	var pages []Page
	for i, id := range ids {
		b, err := load(id)
		if err != nil {
			return nil, nil, fmt.Errorf("mailbox %q: page list %d of %d: %w", mb.Raw, i+1, len(ids), err)
		}
		list, err := ParsePageList(b)
		if err != nil {
			return nil, nil, fmt.Errorf("mailbox %q: %w", mb.Raw, err)
		}
		s.lists[list[0].Start] = pageList{list, id}
		pages = append(pages, list...)
	}
	if err := mb.checkLists(pages, s); err != nil {
		return nil, nil, malformed("page lists", err)
	}
	return pages, s, nil
}

// checkLists refuses lists that cannot be all the lists of the mailbox.
func (mb *Mailbox) checkLists(pages []Page, s *structure) error {
	if len(pages) <= inlinePages {
		return refuse("mailbox %q: %d pages in lists, which would be inline", mb.Raw, len(pages))
	}
	if err := mb.checkPages(pages); err != nil || len(mb.Groups) > 0 {
		return err // lists in groups have any number of rows
	}
	full := len(s.lists[pages[0].Start].pages)
	for rows := range slices.Chunk(pages, full) {
		if got := s.lists[rows[0].Start].pages; len(got) != len(rows) {
			return refuse("mailbox %q: a page list has %d pages, and the first %d", mb.Raw, len(got), full)
		}
	}
	return nil
}
