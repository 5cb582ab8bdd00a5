package restore

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
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
// was stored with the first. So the messages of many mailboxes are planned together, and put into the order of the packs, or
// for a target that wants those of a mailbox in their order, so that copies are together.

// batchFrames bounds the frames of a batch whose messages lie scattered.
const batchFrames = 12

// plan finds out where the messages of a window lie, and puts them into the order in which they are read. What cannot
// be found is met again, and reported, when it is read.
func (j *job) plan(ctx context.Context, window []*item) error {
	if err := locate(ctx, window); err != nil {
		return err
	}
	ranks := make(map[repo.Pack]int) // packs in the order of first use: their names say nothing of their age
	for _, it := range window {
		if len(it.frames) == 0 {
			continue
		}
		pack := it.frames[0].Pack
		if _, known := ranks[pack]; !known {
			ranks[pack] = len(ranks)
		}
		it.position.rank = ranks[pack]
	}
	if j.restorer.unordered {
		slices.SortStableFunc(window, func(a, b *item) int { return a.position.compare(b.position) })
	} else {
		interleave(window)
	}
	return nil
}

// interleave brings copies of messages together, and leaves those of each mailbox in their order. A window has mailbox
// after mailbox. The others go along with the first: where it has a copy of a message that one of them has soon, that one
// is brought up to it.
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
	next := make([]int, len(queues)) // of each queue
	for l, queue := range queues {
		for next[l] < len(queue) {
			it := queue[next[l]]
			var together []ref
			for _, c := range copies[it.row.hash] {
				ahead := c.at - next[c.queue]
				if taken := len(together) > 0 && together[len(together)-1].queue == c.queue; c.queue != l && !taken && ahead >= 0 && ahead < maxAhead {
					order = append(order, queues[c.queue][next[c.queue]:c.at]...)
					next[c.queue] = c.at + 1
					together = append(together, c)
				}
			}
			order = append(order, it)
			next[l]++
			for _, c := range together {
				order = append(order, queues[c.queue][c.at])
			}
		}
	}
}

// maxAhead bounds how far a mailbox is brought up to a copy: one that is far ahead came later, and those before it would be
// read long before the first mailbox has them.
const maxAhead = 32

// position is where a message begins.
type position struct {
	rank          int // of the pack
	frame, offset uint32
}

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.rank, other.rank), cmp.Compare(p.frame, other.frame), cmp.Compare(p.offset, other.offset))
}

// locate finds the frames of messages, of several at once.
func locate(ctx context.Context, window []*item) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for some := range slices.Chunk(window, manifest.MaxPageRecords) {
		group.Go(func() error {
			for _, it := range some {
				if err := it.locate(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// locate finds the frames of a message: all of one that is joined in memory, the first of one that is streamed.
func (it *item) locate(ctx context.Context) error {
	places, err := it.contents().Locate(ctx, it.ids)
	it.ids = nil
	if err != nil {
		if archive.IsDamage(err) {
			return nil
		}
		return err
	}
	for i, place := range places {
		if i == 0 {
			it.position = position{frame: place.Frame.Offset, offset: place.Offset}
		}
		if !slices.Contains(it.frames, place.Frame) {
			it.frames = append(it.frames, place.Frame)
		}
	}
	return nil
}
