package restore

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

// A backup stores messages as they come, so what follows each other in a mailbox lies together in the packs, though in
// three lanes: headers, text and decoded bodies fill frames of their own.
//
//	pack   │ headers │ text │ bodies │ bodies │ text │ bodies │ headers │ …
//	         1…400     1…90   1…30     31…62    91…170  63…88   401…
//
// Reading message after message in that order meets each frame many times within a short stretch, while it is still
// decoded; so planning is: tell the frames that a batch needs before it is read, so that they are fetched together and
// decoded on all cores, and keep batches small enough that the frames of those under way fit the reader's memory. A
// mailbox that was read by several connections at once lies interleaved, and a message that lies in several mailboxes
// was stored with the first; a target that takes messages in any order gets those of many mailboxes in the order of the
// packs.

// batchFrames bounds the frames of a batch whose messages lie scattered.
const batchFrames = 12

// plan finds out where the messages of a window lie, and puts them into the order in which they are read. What cannot
// be found is met again, and reported, when it is read.
func (t *tour) plan(ctx context.Context, window []*item) error {
	ranks := make(map[repo.Pack]int) // packs in the order of first use: their names say nothing of their age
	for _, it := range window {
		if err := it.locate(ctx, ranks); err != nil {
			return err
		}
	}
	if t.restore.unordered {
		slices.SortStableFunc(window, func(a, b *item) int { return a.spot.compare(b.spot) })
	}
	return nil
}

// spot is where a message begins.
type spot struct {
	rank          int // of the pack
	frame, offset uint32
}

func (s spot) compare(t spot) int {
	return cmp.Or(cmp.Compare(s.rank, t.rank), cmp.Compare(s.frame, t.frame), cmp.Compare(s.offset, t.offset))
}

// locate finds the frames of a message: all of one that is joined in memory, the first of one that is streamed.
func (it *item) locate(ctx context.Context, ranks map[repo.Pack]int) error {
	ids := it.ids[:min(len(it.ids), archive.StretchChunks)]
	it.ids = nil
	places, err := it.contents().Locate(ctx, ids)
	if err != nil {
		if archive.IsDamage(err) {
			return nil
		}
		return err
	}
	for i, place := range places {
		frame := place.Frame
		rank, known := ranks[frame.Pack]
		if !known {
			rank = len(ranks)
			ranks[frame.Pack] = rank
		}
		if i == 0 {
			it.spot = spot{rank, frame.Offset, place.Offset}
		}
		if !slices.Contains(it.frames, frame) {
			it.frames = append(it.frames, frame)
		}
	}
	return nil
}
