package restore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

const (
	// joinedBytes bounds the messages of a restore that are joined and not yet written.
	joinedBytes = 8 << 20

	// batchBytes and batchMessages bound a batch, in addition to Folder.BatchSize. A batch for a
	// server is larger, because it costs a round trip.
	batchBytes       = 2 << 20
	serverBatchBytes = 4 << 20
	batchMessages    = 500

	// streamedSize is the size above which a message is not joined in memory. The target reads it
	// chunk by chunk, and it counts only if WriteTo returns nil: join would read all of it once
	// more.
	streamedSize = 4 << 20

	// streamedWeight is how much of joinedBytes a streamed message takes.
	streamedWeight = 256 << 10

	// windowItems and windowChunks bound the messages that are planned together. A chunk takes 32
	// bytes of memory.
	windowItems  = 64 * manifest.MaxPageRecords
	windowChunks = 8 * windowItems
)

// item is a message that is being restored. It implements archive.Body: a target reads the message
// from it.
type item struct {
	mailbox  *mailboxJob
	row      *messageRow
	record   *manifest.Record
	ids      []chunk.ID // of its first chunks, in order, until it is located
	position position
	uses     []int32      // its chunks, as indices into the chunkTable of the window, each once, until it is planned
	at       int32        // index into the window
	frames   []repo.Frame // that it needs
	held     *heldChunks  // of the window
	holds    []heldChunk  // chunks to hold when it was read
	releases []chunk.ID   // chunks to release when it was read
	data     []byte       // the whole message after it is joined; nil: it is streamed, and verified while it is written
	unread   error        // why it cannot be read
}

var _ InMemory = (*item)(nil)

// batch is the messages that are joined and written at once.
type batch struct {
	items    []*item
	streamed bool // it is one message that is streamed
	bytes    int64
	weight   int64  // bytes when they are joined: adjacent copies count once
	buffer   []byte // of the messages, when they are joined
	frames   map[repo.Frame]struct{}
	last     []repo.Frame // that no later batch of the window needs
	held     *heldChunks  // of the window
	holds    []heldChunk  // chunks of these that later batches need
	releases []chunk.ID   // held chunks that no later batch needs
	ends     *group       // of which this is the last batch; nil: others of the group follow
}

// windows yields the missing messages in slices that are planned together: mailbox after mailbox,
// ascending by UID.
func (j *job) windows(ctx context.Context) iter.Seq2[[]*item, error] {
	return func(yield func([]*item, error) bool) {
		var window []*item
		chunks := 0
		for it, err := range j.missingItems(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			window = append(window, it)
			if chunks += len(it.ids); len(window) == windowItems || chunks >= windowChunks {
				if !yield(window, nil) {
					return
				}
				window, chunks = nil, 0
			}
		}
		if len(window) > 0 {
			yield(window, nil)
		}
	}
}

// missingItems yields the missing messages.
func (j *job) missingItems(ctx context.Context) iter.Seq2[*item, error] {
	return func(yield func(*item, error) bool) {
		for _, m := range j.mailboxes {
			for i := range m.list.rows {
				it := &item{mailbox: m, row: &m.list.rows[i]}
				if it.row.state != rowMissing {
					continue
				}
				if err := it.readRecord(ctx); err != nil {
					if err := m.fail(ctx, it, err); err != nil {
						yield(nil, m.named(err))
						return
					}
					continue
				}
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

// readRecord reads the record of the message and the IDs of its first chunks.
func (it *item) readRecord(ctx context.Context) (err error) {
	if it.record, err = it.mailbox.list.record(ctx, it.row); err != nil {
		return err
	}
	parts, err := it.record.PartList(it.contents().Load(ctx))
	if err != nil {
		return err
	}
	for _, part := range parts { // as many as locate uses
		it.ids = append(it.ids, part.Chunks[:min(len(part.Chunks), archive.BodyBatch-len(it.ids))]...)
	}
	return nil
}

func (it *item) contents() *archive.Contents { return it.mailbox.restorer.Contents }

// batches divides a window into batches. A streamed message is a batch by itself.
func batches(window []*item, messages int, bytes int64) []*batch {
	var list []*batch
	var current *batch
	for _, it := range window {
		streamed := it.streamed()
		if current == nil || streamed || len(current.items) == messages ||
			current.bytes+it.row.size > bytes || len(current.frames) >= batchFrames {
			current = &batch{frames: make(map[repo.Frame]struct{})}
			list = append(list, current)
		}
		current.add(it)
		if streamed {
			current.streamed = true
			current = nil
		}
	}
	for _, b := range list {
		b.setHeld()
	}
	markLast(list)
	return list
}

// setHeld sets what is held and released after the batch.
func (b *batch) setHeld() {
	last := b.items[len(b.items)-1].at
	b.held = b.items[0].held
	for _, it := range b.items {
		for _, h := range it.holds {
			if h.last > last {
				b.holds = append(b.holds, h)
			}
		}
		b.releases = append(b.releases, it.releases...)
		it.holds, it.releases = nil, nil
	}
}

// markLast sets the frames of each batch that no later batch needs.
func markLast(window []*batch) {
	later := make(map[repo.Frame]struct{})
	for _, b := range slices.Backward(window) {
		for frame := range b.frames {
			if _, needed := later[frame]; !needed {
				later[frame] = struct{}{}
				b.last = append(b.last, frame)
			}
		}
	}
}

func (b *batch) add(it *item) {
	if n := len(b.items); n == 0 || b.items[n-1].row.hash != it.row.hash {
		b.weight += it.row.size
	}
	b.items = append(b.items, it)
	b.bytes += it.row.size
	for _, frame := range it.frames {
		b.frames[frame] = struct{}{}
	}
	it.frames = nil
}

// limit returns the smaller of asked and own; asked is no limit if it is 0.
func limit[N int | int64](asked, own N) N {
	if asked <= 0 {
		return own
	}
	return min(asked, own)
}

// copies yields the messages of a batch, adjacent copies together.
func (b *batch) copies() iter.Seq[[]*item] {
	return func(yield func([]*item) bool) {
		for rest := b.items; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].row.hash == rest[0].row.hash {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// byFolder groups the messages of a batch by mailbox.
func (b *batch) byFolder() map[*mailboxJob][]*item {
	folders := make(map[*mailboxJob][]*item)
	for _, it := range b.items {
		folders[it.mailbox] = append(folders[it.mailbox], it)
	}
	return folders
}

// release frees the memory of a batch.
func (r *restorer) release(b *batch) {
	for _, it := range b.items {
		it.data = nil // the window still refers to the item
	}
	r.buffers.put(b.buffer)
	b.buffer = nil
	r.memory.Release(b.room())
}

// room is how much of joinedBytes the batch takes.
func (b *batch) room() int64 {
	if b.streamed {
		return streamedWeight
	}
	return bufferSize(b.weight)
}

// join reads and verifies the messages of a batch. It removes damaged ones from the batch and
// records them as failures, so that they affect no other message of the batch. It leaves streamed
// messages to write.
func (r *restorer) join(ctx context.Context, b *batch) error {
	if b.streamed {
		return nil
	}
	b.buffer = r.buffers.get(b.weight) // not more, because there can be many small batches
	buf := b.buffer
	group, joining := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for same := range b.copies() {
		var own []byte
		if size := same[0].row.size; int64(len(buf)) >= size {
			own, buf = buf[:0:size], buf[size:]
		}
		group.Go(func() error { return joinCopies(joining, same, own) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, it := range b.items {
		if it.unread == nil {
			continue
		}
		if err := it.mailbox.fail(ctx, it, it.unread); err != nil {
			return err
		}
	}
	b.items = slices.DeleteFunc(b.items, func(it *item) bool { return it.unread != nil })
	return nil
}

// joinCopies joins copies of one message. The first copy that can be read serves for all, because
// they have the same hash.
func joinCopies(ctx context.Context, same []*item, buf []byte) error {
	for _, it := range same {
		if err := it.join(ctx, buf); err != nil {
			return err
		}
		if it.unread == nil {
			for _, other := range same {
				other.data, other.unread = it.data, nil
			}
			return nil
		}
	}
	return nil
}

func (it *item) streamed() bool { return it.row.size > streamedSize }

// join joins and verifies the message in memory.
func (it *item) join(ctx context.Context, buf []byte) error {
	data := bytes.NewBuffer(buf)
	err := it.WriteTo(ctx, data)
	if it.unread != nil {
		return nil // reported when all are joined
	}
	it.data = data.Bytes()
	return err
}

// Bytes implements InMemory.
func (it *item) Bytes() []byte { return it.data }

// WriteTo implements Body.
func (it *item) WriteTo(ctx context.Context, w io.Writer) error {
	if it.data != nil {
		_, err := w.Write(it.data)
		return err
	}
	it.unread = nil // a second attempt may succeed
	err := it.held.contents.Body(it.record).WriteTo(ctx, w)
	if read := (*archive.ReadError)(nil); errors.As(err, &read) {
		it.unread = err
	}
	return err
}

// Verify implements Body.
func (it *item) Verify(ctx context.Context) error {
	if it.data != nil {
		return nil // join has verified it
	}
	return it.WriteTo(ctx, io.Discard)
}

func (it *item) header(ctx context.Context) ([]byte, error) {
	return it.contents().Header(ctx, it.record)
}

func (it *item) message() Message {
	l := it.mailbox.list
	m := l.message(&rowBody{list: l, row: it.row})
	m.Header, m.Body, m.Form = it.header, it, it.record.Form()
	return m
}
