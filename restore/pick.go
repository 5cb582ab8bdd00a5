package restore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Pick selects messages of the selected mailboxes: those that satisfy all its fields. Mailboxes
// without such messages are not restored.
type Pick struct {
	Query search.Query
	UIDs  mail.UIDSet // if not empty, only these

	// MissingFrom is another manifest. Of each message, as many copies are restored as it has fewer
	// of, from the mailboxes that have fewer there. Messages that were only moved are not restored.
	MissingFrom *archive.Contents
}

// picked is the messages of a mailbox that are restored.
type picked struct {
	uids     mail.UIDSet
	messages int64
	bytes    int64

	// With MissingFrom, copies are counted, because the target may have some copies of a message
	// and lack others. So the folder is asked about all copies that the mailbox should have: those
	// that are restored and those that are there.
	copies map[chunk.ID]struct{} // the messages that are restored
	loss   *diff.Loss
}

// selectMessages selects the messages of the mailboxes. It returns the mailboxes that have any.
func (r *restorer) selectMessages(ctx context.Context, mailboxes []*manifest.Mailbox) ([]*manifest.Mailbox, error) {
	lost, err := r.losses(ctx)
	if err != nil {
		return nil, err
	}
	r.picked = make(map[*manifest.Mailbox]*picked)
	var kept []*manifest.Mailbox
	for _, mailbox := range mailboxes {
		uids, loss := r.Pick.UIDs, lost[mailbox.Raw]
		if r.Pick.MissingFrom != nil {
			if loss == nil {
				continue
			}
			if uids = intersect(uids, loss.Missing); uids.Len() == 0 {
				continue
			}
		}
		p, err := r.pickMailbox(ctx, mailbox, uids, loss)
		if err != nil {
			return nil, err
		}
		if p.messages > 0 {
			r.picked[mailbox] = p
			kept = append(kept, mailbox)
		}
	}
	return kept, nil
}

// losses returns the messages that MissingFrom lacks, by the raw names of their mailboxes.
func (r *restorer) losses(ctx context.Context) (map[string]*diff.Loss, error) {
	if r.Pick.MissingFrom == nil {
		return nil, nil
	}
	d, err := diff.Compare(ctx, r.Contents, r.Pick.MissingFrom)
	if err == nil {
		err = d.Whole()
	}
	if err != nil {
		return nil, fmt.Errorf("compare with the other manifest: %w", err)
	}
	return d.Losses(), nil
}

// intersect returns the UIDs that are in both sets, or all of lost if given is empty.
func intersect(given, lost mail.UIDSet) mail.UIDSet {
	if given.Len() == 0 {
		return lost
	}
	var both mail.UIDSet
	for uid := range lost.All() {
		if given.Contains(uid) {
			both.Add(uid)
		}
	}
	return both
}

// pickMailbox selects messages of one mailbox, only among uids if that is not empty.
func (r *restorer) pickMailbox(
	ctx context.Context, mailbox *manifest.Mailbox, uids mail.UIDSet, loss *diff.Loss,
) (*picked, error) {
	p := &picked{loss: loss}
	if loss != nil {
		p.copies = make(map[chunk.ID]struct{})
	}
	for found, err := range search.FindIn(ctx, r.Contents, mailbox, r.Pick.Query, uids) {
		switch {
		case errors.Is(err, archive.ErrFlags) && !r.Pick.Query.ReadsFlags():
			// It is recorded when the flags are needed.
		case err != nil:
			if err := r.reportDamage(ctx, Problem{Mailbox: mailbox.Name}, err); err != nil {
				return p, err
			}
		default:
			p.uids.Add(found.Entry.UID)
			p.messages++
			p.bytes += found.Entry.Size
			if p.copies != nil {
				p.copies[found.Entry.Hash] = struct{}{}
			}
		}
	}
	return p, nil
}

// wants reports whether a message is restored, and if not, whether it is a spare: a copy of a
// restored message that should be in the folder.
func (p *picked) wants(e *manifest.Entry) (wanted, spare bool) {
	if p == nil || p.uids.Contains(e.UID) {
		return true, false
	}
	if _, counted := p.copies[e.Hash]; !counted || p.loss.Missing.Contains(e.UID) {
		return false, false
	}
	return false, p.loss.Here.Contains(e.UID) || !p.loss.Renamed && !p.loss.Elsewhere.Contains(e.UID)
}

// countCopies decides which copies are added: if the target lacks n copies of a message, n of those
// that are not spare.
func (l *messageList) countCopies(piece []uint32) {
	lacking := make(map[chunk.ID]int)
	for _, at := range piece {
		if row := &l.rows[at]; row.state == rowMissing {
			lacking[row.hash]++
		}
	}
	for _, at := range piece {
		row := &l.rows[at]
		switch {
		case row.spare:
			row.state = rowDone
		case lacking[row.hash] > 0:
			lacking[row.hash]--
			row.state = rowMissing
		default:
			row.state = rowUnknown
		}
	}
}
