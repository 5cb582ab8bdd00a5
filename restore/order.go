package restore

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// A backup stores messages as they arrive, so consecutive messages of a mailbox are close together
// in the packs. They are in three lanes, because headers, text and decoded attachments fill
// separate frames:
//
//	pack   │ headers │ text │ bodies │ bodies │ text │ bodies │ headers │ …
//	         1…400     1…90   1…30     31…62    91…170  63…88   401…
//
// Reading messages in this order needs each frame many times within a short time, while it is still
// decoded. So a plan finds the frames of a batch before it is read, to fetch them together and
// decode them on all cores. Batches are small, so that their frames fit the memory of the reader.
//
// Messages that several connections read at once are interleaved, and a message of several
// mailboxes was stored with the first one. So the messages of many mailboxes are planned together
// and put into the order of the packs. For a target that needs the messages of a mailbox in their
// order, only copies are brought together.

// batchFrames is the most frames of a batch whose messages are scattered.
const batchFrames = 12

// plan locates the messages of a window, puts them into the order in which they are read, and
// decides which chunks are held. A message that cannot be located is reported when it is read.
func (j *job) plan(ctx context.Context, window []*item) error {
	t := newChunkTable()
	if err := t.locate(ctx, window); err != nil {
		return err
	}
	ranks := make(map[repo.Pack]int) // packs in the order of first use, because their names do not show their age
	for _, it := range window {
		if len(it.uses) == 0 {
			continue
		}
		pack := t.frameOf(it.uses[0]).Pack
		if _, known := ranks[pack]; !known {
			ranks[pack] = len(ranks)
		}
		it.position.rank = ranks[pack]
	}
	if j.restorer.unordered {
		slices.SortStableFunc(window, func(a, b *item) int { return a.position.compare(b.position) })
		t.postpone(window)
	} else {
		interleave(window)
	}
	t.planHeld(window, newHeldChunks(j.restorer.Contents))
	return nil
}

// interleave brings copies of messages together and keeps the order within each mailbox. A window
// has one mailbox after the other. At each message of the first, every mailbox that has a copy of
// it among its next maxAhead messages advances to the copy.
func interleave(window []*item) {
	type ref struct{ queue, at int }
	var queues [][]*item
	copies := make(map[chunk.ID][]ref)
	for rest := window; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].mailbox == rest[0].mailbox {
			n++
		}
		for at, it := range rest[:n] {
			copies[it.row.hash] = append(copies[it.row.hash], ref{len(queues), at})
		}
		queues = append(queues, slices.Clone(rest[:n]))
		rest = rest[n:]
	}
	order := window[:0]
	next := make([]int, len(queues)) // the next index in each queue
	for q, queue := range queues {
		for next[q] < len(queue) {
			it := queue[next[q]]
			var together []ref
			for _, c := range copies[it.row.hash] {
				ahead := c.at - next[c.queue]
				taken := len(together) > 0 && together[len(together)-1].queue == c.queue
				if c.queue != q && !taken && ahead >= 0 && ahead < maxAhead {
					order = append(order, queues[c.queue][next[c.queue]:c.at]...)
					next[c.queue] = c.at + 1
					together = append(together, c)
				}
			}
			order = append(order, it)
			next[q]++
			for _, c := range together {
				order = append(order, queues[c.queue][c.at])
			}
		}
	}
}

// maxAhead bounds how far a mailbox advances to a copy. A copy that is far ahead arrived later, and
// the messages before it would be read long before the first mailbox reaches them.
const maxAhead = 32

// position is where the first chunk of a message is.
type position struct {
	rank          int // of the pack
	frame, offset uint32
}

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.rank, other.rank), cmp.Compare(p.frame, other.frame),
		cmp.Compare(p.offset, other.offset))
}
