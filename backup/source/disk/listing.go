package disk

import (
	"cmp"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source/numbering"
	"github.com/mailstrata/mailstrata/mail"
)

// listing is the messages of a folder at one moment, ascending by UID.
type listing struct {
	uids     []mail.UID
	messages []Message
	status   mail.Status
}

// newListing numbers the messages of a folder.
func newListing(c *Contents, n *numbering.Numbers) (*listing, error) {
	messages := make([]numbering.Message, len(c.Messages))
	for i := range messages {
		messages[i] = numbering.Message{Key: c.Messages[i].Key, UID: c.Messages[i].UID}
	}
	uids, err := n.Assign(messages, c.Next)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(uids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(uids[a], uids[b]) })
	l := &listing{uids: make([]mail.UID, len(order)), messages: make([]Message, len(order))}
	for to, from := range order {
		l.uids[to], l.messages[to] = uids[from], c.Messages[from]
	}
	l.status = mail.Status{
		UIDValidity: n.Validity, UIDNext: n.Next, Messages: uint32(len(l.uids)), HighestModSeq: c.Version,
	}
	return l, nil
}

// span returns the indices of the messages of a range.
func (l *listing) span(uids mail.UIDRange) (first, end int) {
	first, _ = slices.BinarySearch(l.uids, uids.First)
	end, found := slices.BinarySearch(l.uids, uids.Last)
	if found {
		end++
	}
	return first, max(first, end)
}

// find returns the message with a UID, or nil.
func (l *listing) find(uid mail.UID) *Message {
	if at, ok := slices.BinarySearch(l.uids, uid); ok {
		return &l.messages[at]
	}
	return nil
}
