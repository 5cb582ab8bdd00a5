package restore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

const (
	// joinedBytes bounds the messages of a whole restore that are joined and wait to be written.
	joinedBytes = 16 << 20

	// batchBytes and batchMessages bound a batch where the folder would take more at once. Several batches are under
	// way in each folder.
	batchBytes    = 4 << 20
	batchMessages = 500

	// streamedSize is the size above which a message is not joined in memory, but chunk by chunk on its way.
	streamedSize = 1 << 20

	// streamedWeight is what a message on its way takes of joinedBytes.
	streamedWeight = 256 << 10

	// windowItems is how many messages are planned together.
	windowItems = 8 * manifest.MaxPageRecords
)

// item is a message on its way into a folder, and its Body.
type item struct {
	contents *archive.Contents
	row      *rollRow
	record   *manifest.Record
	ids      []chunk.ID   // in the order in which they are read; until it is located
	frames   []repo.Frame // that hold them
	spot     spot
	data     []byte // the whole message, once it is joined; nil: it is streamed
	unread   error  // why it cannot be read
}

// batch is what a folder adds at once.
type batch struct {
	items  []*item
	bytes  int64
	weight int64 // of restore.memory
	frames map[repo.Frame]struct{}
}

// windows yields the missing messages, so many at a time as are planned together, ascending by UID.
func (f *filling) windows(ctx context.Context) iter.Seq2[[]*item, error] {
	return func(yield func([]*item, error) bool) {
		var window []*item
		for i := range f.roll.rows {
			row := &f.roll.rows[i]
			if row.state != rowMissing {
				continue
			}
			it := &item{contents: f.restore.Contents, row: row}
			if err := it.look(ctx, f.roll); err != nil {
				if err := f.fail(ctx, it, err); err != nil {
					yield(nil, err)
					return
				}
				continue
			}
			if window = append(window, it); len(window) == windowItems {
				if !yield(window, nil) {
					return
				}
				window = nil
			}
		}
		if len(window) > 0 {
			yield(window, nil)
		}
	}
}

// look reads what is recorded of the message.
func (it *item) look(ctx context.Context, l *roll) (err error) {
	if it.record, err = l.record(ctx, it.row); err != nil {
		return err
	}
	parts, err := it.record.PartList(it.contents.Load(ctx))
	if err != nil {
		return err
	}
	for _, part := range parts {
		it.ids = append(it.ids, part.Chunks...)
	}
	return nil
}

// batches divides a window. A limit of 0 is none. A message that is streamed is alone.
func batches(window []*item, messages int, bytes int64) []*batch {
	messages = limit(messages, batchMessages)
	bytes = limit(bytes, batchBytes)
	var list []*batch
	var current *batch
	for _, it := range window {
		streamed := it.streamed()
		if current == nil || streamed || len(current.items) == messages || current.bytes+it.row.size > bytes || len(current.frames) >= batchFrames {
			current = &batch{frames: make(map[repo.Frame]struct{})}
			list = append(list, current)
		}
		current.add(it)
		if streamed {
			current.weight = streamedWeight
			current = nil
		}
	}
	return list
}

func (b *batch) add(it *item) {
	b.items = append(b.items, it)
	b.bytes += it.row.size
	b.weight += it.row.size
	for _, frame := range it.frames {
		b.frames[frame] = struct{}{}
	}
	it.frames = nil
}

func limit[N int | int64](asked, own N) N {
	if asked <= 0 {
		return own
	}
	return min(asked, own)
}

// fetch has the frames of a batch read together. Whether that goes well is seen when they are used.
func (f *filling) fetch(ctx context.Context, b *batch) error {
	if err := f.restore.memory.Acquire(ctx, b.weight); err != nil {
		return err
	}
	f.restore.Contents.Prefetch(ctx, slices.Collect(maps.Keys(b.frames)))
	b.frames = nil
	return nil
}

// prepare reads the messages of a batch and makes sure that they are what was archived. Those that are not leave the
// batch and are failures; so whatever the target does with an error, no message but the damaged one suffers.
func (f *filling) prepare(ctx context.Context, b *batch) error {
	var room []byte // no larger than what the batch weighs: many small batches can be under way
	if !b.items[0].streamed() {
		room = make([]byte, b.bytes)
	}
	group, joining := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, it := range b.items {
		var own []byte
		if !it.streamed() {
			own, room = room[:0:it.row.size], room[it.row.size:]
		}
		group.Go(func() error { return it.join(joining, own) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, it := range b.items {
		if it.unread == nil {
			continue
		}
		if err := f.fail(ctx, it, it.unread); err != nil {
			return err
		}
	}
	b.items = slices.DeleteFunc(b.items, func(it *item) bool { return it.unread != nil })
	return nil
}

// release gives back what a batch took.
func (r *restore) release(b *batch) {
	for _, it := range b.items {
		it.data = nil // the window that the message is in lives on
	}
	r.memory.Release(b.weight)
}

func (it *item) streamed() bool { return it.row.size > streamedSize }

// join has the message joined and verified, in memory while it is small.
func (it *item) join(ctx context.Context, room []byte) error {
	if it.streamed() {
		if err := it.WriteTo(ctx, io.Discard); it.unread == nil {
			return err
		}
		return nil
	}
	data := bytes.NewBuffer(room)
	if err := it.WriteTo(ctx, data); it.unread == nil && err != nil {
		return err
	}
	it.data = data.Bytes()
	return nil
}

// WriteTo implements Body.
func (it *item) WriteTo(ctx context.Context, w io.Writer) error {
	if it.data != nil {
		_, err := w.Write(it.data)
		return err
	}
	it.unread = nil // a second attempt may go well
	err := it.contents.Body(it.record).WriteTo(ctx, w)
	if read := (*archive.ReadError)(nil); errors.As(err, &read) {
		it.unread = err
	}
	return err
}

// Verify implements Body: prepare has verified the message.
func (it *item) Verify(context.Context) error { return it.unread }

func (it *item) header(ctx context.Context) ([]byte, error) {
	return it.contents.Header(ctx, it.record)
}

func (it *item) wanted(l *roll) Wanted {
	w := l.wanted(&rollBody{roll: l, row: it.row})
	w.Header, w.Body = it.header, it
	return w
}
