package repo

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// A chunk is doubtful while the index places it in packs that the store has not yet listed to this
// run. Put does not wait for the listing, because a store may be far away: it keeps a copy of the
// chunk, which is stored if no pack is listed. Until then the chunk is claimed, and the next index
// segment waits for the answer.

// maxDoubtful bounds the copies, and leastDoubtful is what each counts for at least.
const (
	maxDoubtful   = 4 << 20
	leastDoubtful = 4 << 10
)

// doubtful counts the chunks that are doubtful now.
type doubtful struct {
	room   *semaphore.Weighted
	asking sync.WaitGroup
}

// placedPack is a pack in which the index places a chunk, with its size.
type placedPack struct {
	pack format.Pack
	size uint64
}

// putUnlessListed stores a claimed chunk if the store lists none of the packs. It does not wait for
// the answer.
func (w *Writer) putUnlessListed(
	ctx context.Context, into *frameLane, lane format.Lane, p chunk.Prefix, data []byte, packs []placedPack,
) error {
	weight := min(max(int64(len(data)), leastDoubtful), maxDoubtful)
	if err := w.doubtful.room.Acquire(ctx, weight); err != nil {
		return w.fail(context.Cause(ctx)) // the chunk stays claimed, but no one stores it
	}
	data = slices.Clone(data)
	w.doubtful.asking.Go(func() {
		defer w.doubtful.room.Release(weight)
		stored, err := w.areListed(w.ctx, packs)
		switch {
		case err != nil:
		case stored:
			w.unclaim(p)
			w.stats.known(data, nil)
		default:
			if err = w.addToFrame(w.ctx, into, lane, p, data); err == nil {
				w.stats.added(data)
			}
		}
		if err != nil {
			w.fail(err)
		}
	})
	return nil
}

// areListed reports whether the store has listed one of the packs to this run. It asks the store if
// necessary.
func (w *Writer) areListed(ctx context.Context, packs []placedPack) (listed bool, err error) {
	for _, p := range packs {
		if listed, err = w.presence.has(ctx, p.pack, p.size); listed || err != nil {
			break
		}
	}
	return listed, err
}
