package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Writer stores chunks that are not stored yet. Several goroutines may call Put at once.
//
//	Stream.Put ─► frame of each lane ─► encoders ─► open pack of each kind ─► uploaders ─► next index segment
//
// A chunk that this run stores is claimed until an index segment names it, so that no other Put
// stores it too. Memory is bounded: the number of frames is fixed, packs are built in files, and a
// full segment is put at once, which ends its claims.
//
// The first error ends the writer. It commits nothing after that.
type Writer struct {
	run    *Run
	r      *Repo
	ctx    context.Context // ends with Close or the first error
	cancel context.CancelCauseFunc

	stats counters

	flushTurn *semaphore.Weighted // held by the Flush under way
	flushing  sync.RWMutex        // Put holds it for reading, Flush for writing
	streams   [maxStreams]Stream
	leasing   sync.Mutex
	free      freeFrames

	encode    chan *format.RawFrame
	upload    chan *sealedPack
	encoding  sync.WaitGroup // frames sent to encode that are not in a pack yet
	uploading sync.WaitGroup // packs sent to upload that the store has not acknowledged yet
	workers   errgroup.Group
	builders  [len(format.PackKinds)]packBuilder

	mu        sync.Mutex                // guards claimed and pending
	claimed   map[chunk.Prefix]struct{} // chunks of this run that the index does not know yet
	maxClaims int
	maxHeld   int64
	pending   pendingSegment
	segments  *semaphore.Weighted // held while an index segment is put
	condemned map[format.Pack]bool
	avoid     map[format.Pack]bool   // further packs whose chunks must be stored again
	listed    map[format.Pack]uint64 // sizes of the packs that the caller has listed
	index     *index.Index
	presence  *presence
	doubtful  doubtful
	ready     bool
	readying  *semaphore.Weighted
	closed    atomic.Bool
}

// maxClaims bounds the claims in memory, to some 40 MB, if the index of this host cannot be
// written.
const maxClaims = 1 << 20

// Writer returns a Writer. The Writer reads the index and the condemnations when the first chunk
// comes, so a night without new mail reads neither. A caller that inherits from a parent manifest
// must choose the parent first (rule 1 in docs/design/removing.md).
func (run *Run) Writer(ctx context.Context) (*Writer, error) {
	encoders := format.EncodersAtOnce()
	w := &Writer{
		run: run, r: run.r,
		encode:  make(chan *format.RawFrame),
		upload:  make(chan *sealedPack),
		claimed: map[chunk.Prefix]struct{}{}, maxClaims: maxClaims, maxHeld: heldSpools,
		flushTurn: semaphore.NewWeighted(1), segments: semaphore.NewWeighted(1), readying: semaphore.NewWeighted(1),
		doubtful: doubtful{room: semaphore.NewWeighted(maxDoubtful)},
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	for i := range w.streams {
		w.streams[i].w = w
	}
	w.free = newFreeFrames(maxStreams, format.Usual)
	for range encoders {
		w.workers.Go(w.encodeFrames)
	}
	for range uploaders {
		w.workers.Go(w.uploadPacks)
	}
	return w, nil
}

// gracePeriod is how long an interrupted Put waits for an encoder, and an interrupted Flush for the
// store.
const gracePeriod = 30 * time.Second

// errClosed is the error of a Put or Flush after Close.
var errClosed = errors.New("the writer is closed")

// fail ends the writer with an error, and returns the writer's first error.
func (w *Writer) fail(err error) error {
	w.cancel(err)
	return w.failure()
}

// failure returns the error that ended the writer, or nil.
func (w *Writer) failure() error { return context.Cause(w.ctx) }

// Prepare begins to read what Put and Erasures need, so that it is there when the first chunk
// comes. They return its errors. A caller that knows that chunks will come calls it early.
func (w *Writer) Prepare() {
	w.workers.Go(func() error {
		_ = w.prepare(w.ctx)
		return nil
	})
	w.workers.Go(func() error {
		_, _ = w.Erasures(w.ctx)
		return nil
	})
}

// prepare reads, once, what Put needs: the index, the condemnations, and the packs whose retention
// is about to end.
func (w *Writer) prepare(ctx context.Context) error {
	if err := w.readying.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer w.readying.Release(1)
	if w.ready {
		return nil
	}
	var x *index.Index
	var condemned statement.Condemned
	var ending map[format.Pack]bool
	// In any order: a segment only says where chunks are, however old it is, and the parent was
	// chosen before (rules 1 and 2).
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if x, err = w.r.openIndex(asking); err != nil {
			return err
		}
		return x.RefreshSince(asking, w.run.began)
	})
	group.Go(func() (err error) {
		condemned, err = w.r.Condemned(asking)
		return err
	})
	group.Go(func() (err error) {
		ending, err = w.run.ending(asking)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	w.condemned = map[format.Pack]bool{}
	maps.Copy(w.condemned, w.avoid)
	maps.Copy(w.condemned, ending)
	for p := range condemned {
		w.condemned[p] = true
	}
	packs := 0
	for range x.Packs() {
		packs++
	}
	w.index, w.presence, w.ready = x, newPresence(w.ctx, w.r, packs), true
	for pack, size := range w.listed {
		w.presence.add(pack, size)
	}
	return nil
}

// Put is Stream.Put for a chunk that belongs to no stream.
func (w *Writer) Put(ctx context.Context, lane format.Lane, data []byte) (id chunk.ID, added bool, err error) {
	return w.put(ctx, &w.streams[0].lanes[lane%format.Lanes], lane, data)
}

func (w *Writer) put(
	ctx context.Context, into *frameLane, lane format.Lane, data []byte,
) (id chunk.ID, added bool, err error) {
	if err := format.CheckChunk(lane, data); err != nil {
		return id, false, err
	}
	w.flushing.RLock()
	defer w.flushing.RUnlock()
	if err := w.failure(); err != nil {
		return id, false, err
	}
	if ctx.Err() != nil {
		return id, false, context.Cause(ctx)
	}
	if err := w.prepare(ctx); err != nil {
		return id, false, err
	}
	id = w.r.ChunkID(data)
	// An error from here on ends the writer and loses what was put before, so a canceled Put gets
	// time to finish.
	ctx, done := grace.Context(ctx, gracePeriod)
	defer done()
	claimed, perhaps, err := w.claim(ctx, id.Prefix())
	switch {
	case err != nil || !claimed:
		w.stats.known(data, err)
		return id, false, err
	case len(perhaps) > 0:
		return id, false, w.putUnlessListed(ctx, into, lane, id.Prefix(), data, perhaps)
	}
	if err := w.addToFrame(ctx, into, lane, id.Prefix(), data); err != nil {
		// Another Put may already rely on this chunk.
		return id, false, w.fail(err)
	}
	w.stats.added(data)
	return id, true, nil
}

// Has reports whether a chunk is stored, or will be by this writer's next Flush.
func (w *Writer) Has(ctx context.Context, id chunk.ID) (bool, error) {
	if err := w.prepare(ctx); err != nil {
		return false, err
	}
	w.mu.Lock()
	_, ours := w.claimed[id.Prefix()]
	w.mu.Unlock()
	if ours {
		return true, nil
	}
	stored, perhaps, err := w.stored(ctx, id.Prefix())
	if err != nil || stored {
		return stored, err
	}
	return w.areListed(ctx, perhaps)
}

// claim claims a chunk for the caller, unless the chunk is stored or claimed. If perhaps is not
// empty, the chunk is stored if the store lists one of these packs; otherwise the caller must store
// it.
func (w *Writer) claim(ctx context.Context, p chunk.Prefix) (claimed bool, perhaps []placedPack, err error) {
	w.mu.Lock()
	_, ours := w.claimed[p]
	if !ours {
		w.claimed[p] = struct{}{}
	}
	w.mu.Unlock()
	if ours {
		return false, nil, nil
	}
	stored, perhaps, err := w.stored(ctx, p)
	if err != nil {
		return false, nil, w.fail(err) // the chunk stays claimed, but no one stores it
	}
	if stored {
		w.unclaim(p)
	}
	return !stored, perhaps, nil
}

func (w *Writer) unclaim(p chunk.Prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.claimed, p)
}

// stored reports whether a chunk counts as stored (rule 2 in docs/design/removing.md): an index
// segment says in which pack it is, no condemnation names that pack, and the store has listed the
// pack to this run. If it does not, perhaps are the packs of which the store has not been asked. A
// chunk that only the table of its pack names does not count: a host with a writer's key cannot
// read that table, so it would not find the chunk.
func (w *Writer) stored(ctx context.Context, p chunk.Prefix) (stored bool, perhaps []placedPack, err error) {
	err = w.index.Each(ctx, p, func(l index.Location, indexed bool) bool {
		pack := placedPack{l.Frame.Pack, uint64(l.Frame.Size)}
		if indexed && !w.condemned[pack.pack] {
			var known bool
			if stored, known = w.presence.known(pack.pack, pack.size); !known {
				perhaps = append(perhaps, pack)
			}
		}
		return !stored
	})
	return stored, perhaps, err
}

// Flush makes all chunks durable: it completes frames and packs, and puts an index segment that
// names them. Calls of Put wait. After ctx is canceled, Flush has a grace period to finish, because
// a writer that stops halfway cannot continue.
func (w *Writer) Flush(ctx context.Context) error {
	ctx, done := grace.Context(ctx, gracePeriod)
	defer done()
	if err := w.flushTurn.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer w.flushTurn.Release(1)
	w.flushing.Lock()
	defer w.flushing.Unlock()
	return w.flush(ctx)
}

func (w *Writer) flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { w.fail(context.Cause(ctx)) })
	defer stop()
	w.doubtful.asking.Wait()
	for lane := range w.filling() {
		if err := w.send(ctx, lane); err != nil {
			return w.fail(err)
		}
	}
	w.encoding.Wait()
	for i := range w.builders {
		if err := w.closePack(&w.builders[i]); err != nil {
			return w.fail(err)
		}
	}
	w.uploading.Wait()
	if err := w.failure(); err != nil {
		return err
	}
	if err := w.putSegment(ctx); err != nil {
		return w.fail(err)
	}
	return w.failure()
}

// Commit flushes, and then puts the manifest, which the caller encodes with the run's Deadline. A
// writer may commit several manifests. If the run took too long, the error is ErrLate, and the
// manifest does not count even if the store has it.
func (w *Writer) Commit(ctx context.Context, account string, encode Encode) (Head, error) {
	return w.CommitAt(ctx, account, time.Time{}, encode)
}

// CommitAt is Commit for a manifest with a time in the past, such as a copy, which keeps the time
// of its original. The zero time means now.
func (w *Writer) CommitAt(ctx context.Context, account string, at time.Time, encode Encode) (Head, error) {
	if err := w.Flush(ctx); err != nil {
		return Head{}, err
	}
	h, err := w.run.commit(ctx, account, at, encode)
	if err != nil {
		return Head{}, fmt.Errorf("commit: %w", err)
	}
	w.stats.object(h.Size)
	return h, nil
}

// Close ends the writer, and drops the chunks that were not flushed.
func (w *Writer) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	w.cancel(errClosed)
	_ = w.workers.Wait() // Put and Flush have returned its error
	w.doubtful.asking.Wait()
	for i := range w.builders {
		if p := w.builders[i].open; p != nil {
			p.spool.Close()
		}
	}
	closeSpools(w.pending.waiting)
	return nil
}
