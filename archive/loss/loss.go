// Package loss finds what an account lost between two manifests: the messages of the earlier one that are nowhere in the
// later one, by their hashes. What was renamed, moved, filed or renumbered is in the later one, and is not lost.
//
// It reads pages, which every key can read, and no more of them than it must: none where the numbers alone show that
// too little can be gone, then those that only one of the two manifests has, and the others only if too much is still
// missing.
package loss

import (
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Comparison is what is compared, and by which limits. It is used once.
type Comparison struct {
	Before, Now []*manifest.Mailbox

	// Limit is the limit of a mailbox, as it was before; of nil, that of the account as a whole. Nil: Usual for all.
	Limit func(*mail.Mailbox) Limit

	// Erased reports whether the owner erased a message from the repository: it is not lost. Nil: none is.
	Erased func(hash chunk.ID) bool

	// Most is how many messages can be gone at the most, where the caller knows; negative: it does not.
	Most int64

	Catalog
}

// Catalog reads the pages of both manifests.
type Catalog struct {
	Load    func(chunk.ID) ([]byte, error)
	Ahead   func([]chunk.ID) // fetches together what Load is about to read; nil: nothing does
	Damaged func(error) bool // reports whether an error of Load is about that chunk alone
}

// Losses are sentences about what is gone.
type Losses struct {
	Alarms  []string // more is gone than the limits allow
	Remarks []string // a mailbox is gone, and some of its messages, which the limits allow
}

// Find compares. A page that cannot be read counts as lost if the later manifest has it, and as nothing if the earlier
// one has it: what was in it nobody knows.
func (c *Comparison) Find() (*Losses, error) {
	v := c.view()
	lost := v.bounds()
	if losses := v.judge(lost); len(losses.Alarms) == 0 {
		return losses, nil
	}
	lost, err := v.reckon()
	if err != nil {
		return nil, err
	}
	return v.judge(lost), nil
}

// bounds are upper bounds of what each mailbox lost, made without reading anything.
func (v *view) bounds() []int64 {
	lost := make([]int64, len(v.Before))
	for i, m := range v.Before {
		for _, page := range m.Pages {
			if !v.inline[page.Records] {
				lost[i] += int64(page.Messages)
			}
		}
		for _, id := range m.Lists {
			if !v.lists[id] {
				lost[i] = m.Messages
			}
		}
		if v.Most >= 0 {
			lost[i] = min(lost[i], v.Most)
		}
	}
	return lost
}
