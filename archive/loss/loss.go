package loss

import (
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Comparison compares two manifests by limits. It is used once.
type Comparison struct {
	Before, Now []*manifest.Mailbox

	// Limit returns the limit of an earlier mailbox, or, for nil, of the account as a whole. Nil
	// means Usual for all.
	Limit func(*mail.Mailbox) Limit

	// Erased reports whether a message was erased from the repository, and so is not lost. Nil
	// means that none was.
	Erased func(hash chunk.ID) bool

	// Most is the largest number of messages that can be gone, if the caller knows it; otherwise
	// negative.
	Most int64

	Catalog
}

// Catalog reads the pages of both manifests.
type Catalog struct {
	Load    func(chunk.ID) ([]byte, error)
	Ahead   func([]chunk.ID) // fetches what Load is about to read; it may be nil
	Damaged func(error) bool // reports whether an error of Load is about that chunk alone
}

// Losses are sentences about what is gone.
type Losses struct {
	Alarms  []string // more is gone than the limits allow
	Remarks []string // a mailbox is gone, and some of its messages, which the limits allow
}

// Find returns the losses. The messages of a page that cannot be read count as lost if only the
// later manifest has the page. If the earlier one has it, they do not count, because they are not
// known.
func (c *Comparison) Find() (*Losses, error) {
	v := c.compare()
	lost := v.bounds()
	if losses := v.judge(lost); len(losses.Alarms) == 0 {
		return losses, nil
	}
	lost, err := v.count()
	if err != nil {
		return nil, err
	}
	return v.judge(lost), nil
}

// bounds returns upper bounds of what each mailbox lost. It reads nothing.
func (c *indexedComparison) bounds() []int64 {
	lost := make([]int64, len(c.Before))
	for i, m := range c.Before {
		for _, page := range m.Pages {
			if !c.inline[page.Records] {
				lost[i] += int64(page.Messages)
			}
		}
		for _, id := range slices.Concat(m.Lists, m.Groups) {
			if !c.lists[id] {
				lost[i] = m.Messages
			}
		}
		if c.Most >= 0 {
			lost[i] = min(lost[i], c.Most)
		}
	}
	return lost
}
