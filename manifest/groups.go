package manifest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// EncodeListGroup returns a list group: a chunk with the IDs of up to 256 page lists of a mailbox,
// in the order of their pages. ParseListGroup inverts it.
func EncodeListGroup(lists []chunk.ID) ([]byte, error) {
	if err := checkListGroup(lists); err != nil {
		return nil, err
	}
	return marshal("list group", lists, MaxChunk)
}

// checkListGroup returns why lists cannot be a group.
func checkListGroup(lists []chunk.ID) error {
	if len(lists) == 0 {
		return refuse("a list group without lists")
	}
	const what = "page lists in a group"
	return cmp.Or(checkCount(what, len(lists), maxGroupLists), checkIDs(what, lists))
}

// ParseListGroup inverts EncodeListGroup.
func ParseListGroup(b []byte) ([]chunk.ID, error) {
	if lists, ok := scanListGroup(b); ok && checkListGroup(lists) == nil {
		return lists, nil
	}
	return decodeListGroup(b)
}

// decodeListGroup is ParseListGroup by the general decoder. It is slower, and says what is wrong
// with a group.
func decodeListGroup(b []byte) ([]chunk.ID, error) {
	var lists []chunk.ID
	if err := unmarshal("list group", decoding, b, &lists, MaxChunk); err != nil {
		return nil, err
	}
	return canonical("list group", b, lists, EncodeListGroup)
}

// listGroup is a list group and its ID.
type listGroup struct {
	lists []chunk.ID
	id    chunk.ID
}

// AllLists returns the IDs of all page lists of the mailbox, those in groups included.
func (mb *Mailbox) AllLists(load Load) ([]chunk.ID, error) {
	groups, err := mb.loadGroups(load)
	if err != nil {
		return nil, err
	}
	lists := slices.Clone(mb.Lists)
	for _, g := range groups {
		lists = append(lists, g.lists...)
	}
	return lists, nil
}

func (mb *Mailbox) loadGroups(load Load) ([]listGroup, error) {
	groups := make([]listGroup, len(mb.Groups))
	for i, id := range mb.Groups {
		b, err := load(id)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: list group %d of %d: %w", mb.Raw, i+1, len(mb.Groups), err)
		}
		lists, err := ParseListGroup(b)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mb.Raw, err)
		}
		groups[i] = listGroup{lists, id}
	}
	return groups, nil
}

// setGroups puts the pages into lists in groups. It does not put lists and groups that are in
// before.
//
// Lists and groups are cut as pages are, at ranges of UIDs. If each had a fixed number of rows, a
// page that disappears would move the rows of all lists after it, which are then written again.
func (mb *Mailbox) setGroups(pages []Page, before *structure, put Put) error {
	spans := make([]span, len(pages))
	for i, p := range pages {
		spans[i] = p.span()
	}
	cut := divide(spans, listPages)
	if len(cut.sizes) > maxWrittenLists {
		cut = divide(spans, maxListPages)
	}
	lists := make([]chunk.ID, len(cut.sizes))
	for i, n := range cut.sizes {
		id, err := before.putList(pages[:n], put)
		if err != nil {
			return err
		}
		lists[i], pages = id, pages[n:]
	}
	for _, n := range divide(cut.spans, listsPerGroup(len(lists))).sizes {
		id, err := before.putGroup(lists[:n], put)
		if err != nil {
			return err
		}
		mb.Groups, lists = append(mb.Groups, id), lists[n:]
	}
	return nil
}

// listsPerGroup returns how many of n lists a group has at most. A change of a page costs its
// group, and the table with the IDs of all groups. The cost is smallest if the number of groups is
// about that of the lists of each.
func listsPerGroup(n int) int {
	lists := groupLists
	for lists < maxGroupLists && n > lists*lists { // 16, 32, 64 …
		lists *= 2
	}
	return lists
}

// division is how spans that ascend are divided into the largest spans with few of them: these, and
// how many each has.
type division struct {
	spans []span
	sizes []int
}

// divide divides spans at a limit.
func divide(spans []span, limit int) (d division) {
	tree := newPartition(limit, func(s span, of []whole) error {
		d.spans, d.sizes = append(d.spans, s), append(d.sizes, len(of))
		return nil
	})
	for _, s := range spans {
		_ = tree.add(whole(s)) // it returns only errors of the function above
	}
	_ = tree.flush()
	return d
}

// whole is a span that counts as one element of a partition.
type whole span

func (w whole) span() span { return span(w) }
func (w whole) count() int { return 1 }
