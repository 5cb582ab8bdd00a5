package archive

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// How much is read ahead. What is read is in the cache of a Reader (readerCache) until it is used.
// A search reads ahead structure, headers and text, so the limits of bytes of the three are less
// than the cache.
const (
	aheadItems     = 4096
	aheadChunks    = 16 << 10
	structureBytes = 12 << 20 // of decoded frames with tables, lists and pages
	mailBytes      = 16 << 20 // of decoded frames with parts of messages
)

// AheadOf yields the items of a sequence. Before it yields some of them, it fetches the chunks that
// chunksOf returns for them, with as many requests at once as the ChunkReader makes. One round trip
// then serves thousands of items, instead of one. It is for parts of messages, which are read once:
// it drops their frames when the loop goes on to others.
//
// An error of the sequence is yielded in its turn. Errors of reading come again when the caller
// reads the chunk.
func AheadOf[T any](
	ctx context.Context, chunks ChunkReader, items iter.Seq2[T, error], chunksOf func(T) []chunk.ID,
) iter.Seq2[T, error] {
	return aheadOf(ctx, items, chunksOf, aheadBatch[T]{chunks: chunks, limit: mailBytes, once: true})
}

// PiecesAhead is AheadOf for tables, lists and pages. It drops nothing, because others refer to the
// same pieces.
func PiecesAhead[T any](
	ctx context.Context, chunks ChunkReader, items iter.Seq2[T, error], chunksOf func(T) []chunk.ID,
) iter.Seq2[T, error] {
	return aheadOf(ctx, items, chunksOf, aheadBatch[T]{chunks: chunks, limit: structureBytes})
}

// AheadWithin is PiecesAhead with a limit of decoded bytes, which is asked for each time that
// chunks are fetched. It is for walks that share a cache with others: together, they must fetch
// less ahead than the cache holds.
func AheadWithin[T any](
	ctx context.Context, chunks ChunkReader, items iter.Seq2[T, error], chunksOf func(T) []chunk.ID, limit func() int64,
) iter.Seq2[T, error] {
	return aheadOf(ctx, items, chunksOf, aheadBatch[T]{chunks: chunks, share: limit})
}

// HeadersAhead yields the items of a sequence. Before it yields some of them, it fetches the
// headers of the messages that recordsOf returns for them, as AheadOf does. Those whose fields this
// host keeps are not fetched. So the caller reads headers with HeaderFields.
func HeadersAhead[T any](
	ctx context.Context, chunks ChunkReader, items iter.Seq2[T, error], recordsOf func(T) []*manifest.Record,
) iter.Seq2[T, error] {
	lists := func(item T) (ids []chunk.ID) {
		for _, record := range recordsOf(item) {
			if !record.List.IsZero() {
				ids = append(ids, record.List)
			}
		}
		return ids
	}
	load := func(id chunk.ID) ([]byte, error) { return chunks.Chunk(ctx, id) }
	b := aheadBatch[T]{chunks: chunks, limit: mailBytes, once: true}
	if r, ok := chunks.(*Reader); ok && r.KeepsExcerpts() {
		b.alone = make(map[chunk.Prefix]bool)
	}
	headers := func(item T) (ids []chunk.ID) {
		for _, record := range recordsOf(item) {
			parts, err := record.PartList(load)
			if err != nil || len(parts) == 0 || parts[0].Kind != mail.HeaderPart {
				continue
			}
			ids = append(ids, parts[0].Chunks...)
			if b.alone != nil && len(parts[0].Chunks) == 1 {
				b.alone[parts[0].Chunks[0].Prefix()] = true
			}
		}
		return ids
	}
	return aheadOf(ctx, PiecesAhead(ctx, chunks, items, lists), headers, b)
}

// EntryHeadersAhead is HeadersAhead for entries, as Contents.Entries yields them.
func EntryHeadersAhead(
	ctx context.Context, chunks ChunkReader, entries iter.Seq2[*manifest.Entry, error],
) iter.Seq2[*manifest.Entry, error] {
	return HeadersAhead(ctx, chunks, entries, func(e *manifest.Entry) []*manifest.Record { return []*manifest.Record{&e.Record} })
}

// aheadOf is AheadOf with batches of another kind.
func aheadOf[T any](
	ctx context.Context, items iter.Seq2[T, error], chunksOf func(T) []chunk.ID, kind aheadBatch[T],
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		b := kind
		b.yield = yield
		for item, err := range items {
			b.items = append(b.items, aheadItem[T]{item: item, err: err})
			if err == nil {
				b.ids = append(b.ids, chunksOf(item)...)
			}
			b.items[len(b.items)-1].end = len(b.ids)
			if (len(b.items) >= aheadItems || len(b.ids) >= aheadChunks) && !b.flush(ctx) {
				return
			}
		}
		b.flush(ctx)
		b.chunks.Drop(b.present)
	}
}

// aheadBatch is some items of a sequence, and the chunks to fetch for them.
type aheadBatch[T any] struct {
	chunks ChunkReader
	limit  int64                 // of decoded bytes
	share  func() int64          // the limit, if it changes
	once   bool                  // no chunk will be read again
	alone  map[chunk.Prefix]bool // nil, or the chunks are of headers, and these are all of theirs; chunks is a Reader
	yield  func(T, error) bool

	items   []aheadItem[T]
	ids     []chunk.ID
	present []repo.Frame // what was fetched last, if it will not be read again
}

type aheadItem[T any] struct {
	item T
	err  error
	end  int // of its chunks in ids
}

// flush yields the items. It reports whether to go on.
func (b *aheadBatch[T]) flush(ctx context.Context) bool {
	places := locate(ctx, b.chunks, b.ids)
	if r, ok := b.chunks.(*Reader); ok && b.alone != nil {
		excerpts := r.excerpts.begin(r, b.ids, places, b.alone)
		defer r.excerpts.end(excerpts)
		clear(b.alone)
	}
	for from := 0; from < len(b.items); {
		if b.share != nil {
			b.limit = b.share()
		}
		frames := newFrameSet(b.limit)
		to, at := from, 0
		if from > 0 {
			at = b.items[from-1].end
		}
		for to < len(b.items) && (frames.addAll(places[at:b.items[to].end]) || to == from) {
			at = b.items[to].end
			to++
		}
		b.prefetch(ctx, frames)
		for i := from; i < to; i++ {
			if !b.yield(b.items[i].item, b.items[i].err) {
				return false
			}
		}
		from = to
	}
	clear(b.items)
	b.items, b.ids = b.items[:0], b.ids[:0]
	return true
}

// prefetch fetches frames, and drops those that were fetched before and are not among them.
func (b *aheadBatch[T]) prefetch(ctx context.Context, frames *frameSet) {
	if len(frames.list) == 0 {
		return
	}
	if b.once {
		var gone []repo.Frame
		for _, f := range b.present {
			if !frames.has[f] {
				gone = append(gone, f)
			}
		}
		b.chunks.Drop(gone)
		b.present = frames.list
	}
	_, _ = b.chunks.Prefetch(ctx, frames.list) // an error comes again when a chunk is read
}

// inBatches yields the items of a sequence. It hands up to size of them to fetch, which returns how
// many of the first ones, one at least, are to be yielded before it is called again with the
// others.
func inBatches[T any](items iter.Seq2[T, error], size int, fetch func([]aheadItem[T]) int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var batch []aheadItem[T]
		next := func() bool {
			n := fetch(batch)
			for _, it := range batch[:n] {
				if !yield(it.item, it.err) {
					return false
				}
			}
			batch = append(batch[:0], batch[n:]...)
			return true
		}
		for item, err := range items {
			if batch = append(batch, aheadItem[T]{item: item, err: err}); len(batch) >= size && !next() {
				return
			}
		}
		for len(batch) > 0 && next() {
		}
	}
}

// frameSet is a set of frames with a limit of decoded bytes.
type frameSet struct {
	room int64
	has  map[repo.Frame]bool
	list []repo.Frame
}

func newFrameSet(limit int64) *frameSet {
	return &frameSet{room: limit, has: make(map[repo.Frame]bool)}
}

// add adds a frame if there is room. It reports whether the frame is in the set. The frame of a
// chunk that is nowhere is in every set.
func (s *frameSet) add(f repo.Frame) bool {
	if f == (repo.Frame{}) || s.has[f] {
		return true
	}
	if s.room -= int64(f.Length); s.room < 0 {
		return false
	}
	s.has[f] = true
	s.list = append(s.list, f)
	return true
}

// addAll adds the frames of chunks, as far as there is room. It reports whether all are in the set.
func (s *frameSet) addAll(places []repo.Location) bool {
	for i := range places {
		if !s.add(places[i].Frame) {
			return false
		}
	}
	return true
}

// locate returns where chunks are. The place of a chunk that is nowhere has no frame. Any other
// error leaves all without: it comes again when a chunk is read.
func locate(ctx context.Context, chunks ChunkReader, ids []chunk.ID) []repo.Location {
	if len(ids) == 0 {
		return nil
	}
	places, err := chunks.Locate(ctx, ids)
	switch {
	case err == nil:
		return places
	case len(ids) == 1 || ctx.Err() != nil || !IsDamage(err):
		return make([]repo.Location, len(ids))
	}
	half := len(ids) / 2
	return append(locate(ctx, chunks, ids[:half]), locate(ctx, chunks, ids[half:])...)
}

// Locations returns where chunks are. The place of a chunk that cannot be found is zero: the error
// comes again when the chunk is read.
func Locations(ctx context.Context, chunks ChunkReader, ids []chunk.ID) []repo.Location {
	return locate(ctx, chunks, ids)
}

// PrefetchAt fetches the frames at places, as many as fit into the cache of a Reader. If that
// fails, the error comes again when a chunk is read.
func PrefetchAt(ctx context.Context, chunks ChunkReader, places []repo.Location) {
	frames := newFrameSet(readerCache)
	frames.addAll(places)
	if len(frames.list) > 0 {
		_, _ = chunks.Prefetch(ctx, frames.list)
	}
}

// prefetch fetches the frames of chunks. If that fails, the error comes again when a chunk is read.
func prefetch(ctx context.Context, chunks ChunkReader, ids []chunk.ID) {
	frames := newFrameSet(readerCache)
	frames.addAll(locate(ctx, chunks, ids))
	_, _ = chunks.Prefetch(ctx, frames.list)
}
