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
// Up to 4 pages are inline; more are in lists of 16 to 64, of which the last may have fewer. The
// caller sets Bytes.
func (mb *Mailbox) SetPages(pages []Page, put Put) error {
	return mb.setPagesAfter(pages, nil, put)
}

// pageList is a page list and its ID.
type pageList struct {
	pages []Page
	id    chunk.ID
}

// setPagesAfter is SetPages, except that it does not put a list that equals the list at the same
// index of before.
func (mb *Mailbox) setPagesAfter(pages []Page, before []pageList, put Put) error {
	mb.Pages, mb.Lists, mb.Messages = nil, nil, 0
	for _, p := range pages {
		mb.Messages += int64(p.Messages)
	}
	if len(pages) <= inlinePages {
		mb.Pages = pages
		return nil
	}
	for list := range slices.Chunk(pages, rowsPerList(len(pages))) {
		if n := len(mb.Lists); n < len(before) && slices.Equal(before[n].pages, list) {
			mb.Lists = append(mb.Lists, before[n].id)
			continue
		}
		id, err := put.encoded(EncodePageList(list))
		if err != nil {
			return err
		}
		mb.Lists = append(mb.Lists, id)
	}
	return nil
}

// rowsPerList returns how many of n page rows each list has. A change of a page costs its list, and
// the table with the IDs of all lists. The cost is smallest if the number of lists is about the
// number of rows of each.
func rowsPerList(n int) int {
	rows := firstListPages
	for rows < listPages && n > 2*rows*rows { // 16, 32, 64
		rows *= 2
	}
	if n > maxWrittenLists*rows {
		return maxListPages
	}
	return rows
}

// AllPages returns all pages of the mailbox, inline or from lists.
func (mb *Mailbox) AllPages(load Load) ([]Page, error) {
	pages, _, err := mb.loadPages(load)
	return pages, err
}

// loadPages is AllPages. It also returns the lists.
func (mb *Mailbox) loadPages(load Load) (pages []Page, lists []pageList, err error) {
	if len(mb.Lists) == 0 {
		return mb.Pages, nil, nil
	}
	for i, id := range mb.Lists {
		b, err := load(id)
		if err != nil {
			return nil, nil, fmt.Errorf("mailbox %q: page list %d of %d: %w", mb.Raw, i+1, len(mb.Lists), err)
		}
		list, err := ParsePageList(b)
		if err != nil {
			return nil, nil, fmt.Errorf("mailbox %q: %w", mb.Raw, err)
		}
		lists = append(lists, pageList{list, id})
		full, last := len(lists[0].pages), i == len(mb.Lists)-1
		if len(list) > full || len(list) < full && !last {
			return nil, nil, fmt.Errorf("mailbox %q: %w: page list %d of %d has %d pages, and the first %d",
				mb.Raw, ErrMalformed, i+1, len(mb.Lists), len(list), full)
		}
		pages = append(pages, list...)
	}
	if len(pages) <= inlinePages {
		return nil, nil, fmt.Errorf("mailbox %q: %w: %d pages in lists, which would be inline",
			mb.Raw, ErrMalformed, len(pages))
	}
	if err := mb.checkPages(pages); err != nil {
		return nil, nil, malformed("page lists", err)
	}
	return pages, lists, nil
}
