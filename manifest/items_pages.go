package manifest

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"math"
)

// PutItems stores the items of the collection, ascending by name, and records their pages. Where a
// page ends depends on the names alone, so a changed item rewrites one page, and a new one seldom
// two.
func (c *Collection) PutItems(items []Item, put Put) error {
	c.Items, c.Bytes, c.Pages = int64(len(items)), 0, nil
	for _, it := range items {
		if c.Bytes += it.Size; c.Bytes < 0 {
			return refuse("more than 2^63 bytes")
		}
	}
	for len(items) > 0 {
		n := pageEnd(items)
		id, err := put.encoded(EncodeItems(items[:n]))
		if err != nil {
			return err
		}
		c.Pages, items = append(c.Pages, id), items[n:]
	}
	return checkCount("item pages", len(c.Pages), maxItemPages)
}

// pageEnd returns how many of the items are in the first page: up to the first whose name has a
// hash that is a multiple of pageItems.
func pageEnd(items []Item) int {
	for i := range items[:min(len(items), maxPageItems)] {
		if sha256.Sum256([]byte(items[i].Name))[0]%pageItems == 0 {
			return i + 1
		}
	}
	return min(len(items), maxPageItems)
}

// AllItems yields the items, ascending by name, and checks that they add up to what the collection
// says. The first error ends the sequence.
func (c *Collection) AllItems(load Load) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		var count, size int64
		last := ""
		for i, id := range c.Pages {
			b, err := load(id)
			var items []Item
			if err == nil {
				items, err = ParseItems(b)
			}
			if err != nil {
				yield(nil, fmt.Errorf("%q: item page %d of %d: %w", c.Title(), i+1, len(c.Pages), err))
				return
			}
			for j := range items {
				if items[j].Name <= last {
					yield(nil, malformed("item page", refuse("item %q after %q", items[j].Name, last)))
					return
				}
				last = items[j].Name
				count, size = count+1, size+min(items[j].Size, math.MaxInt64-size)
				if !yield(&items[j], nil) {
					return
				}
			}
		}
		if count != c.Items || size != c.Bytes {
			yield(nil, fmt.Errorf("%q: %w: %d items of %d bytes, its pages have %d of %d",
				c.Title(), ErrMalformed, c.Items, c.Bytes, count, size))
		}
	}
}
