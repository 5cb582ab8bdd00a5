package restore

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
)

// Most messages of a frame are restored one after the other. But many frames also have some chunks
// that messages far away refer to: a signature, a text that was sent twice, a part of a long diff.
// If such frames stayed decoded until their last use, a window of a large patch list would need 190
// MB of them. So when little of a frame is left to use, that is copied, and the frame is dropped.
const (
	// heldShare is the part of a frame, 1/heldShare of its bytes, up to which its chunks are held
	// instead of it.
	heldShare = 8

	// maxHeld bounds the bytes that a window holds.
	maxHeld = 6 << 20
)

// postpone delays messages until their frames are needed anyway: a frame is decoded for the message
// after the first eighth of those that need it. So a message that is far ahead of the others does
// not keep the frame decoded until these follow. The window is in the order of the packs. Copies of
// a message stay together, because they have the same chunks.
func (t *chunkTable) postpone(window []*item) {
	messages := make([]int32, len(t.frames)) // of each frame
	t.eachFrame(window, func(_ int32, f int32) { messages[f]++ })
	for f := range messages {
		messages[f] /= heldShare
	}
	begin := make([]int32, len(t.frames)) // index of the message from which on the frame is decoded
	t.eachFrame(window, func(i int32, f int32) {
		if messages[f] >= 0 {
			begin[f] = i
		}
		messages[f]--
	})
	for i, it := range window {
		it.at = int32(i)
	}
	t.eachFrame(window, func(i int32, f int32) { window[i].at = max(window[i].at, begin[f]) })
	slices.SortStableFunc(window, func(a, b *item) int { return int(a.at - b.at) })
}

// eachFrame calls visit for each message of a window and each of its frames.
func (t *chunkTable) eachFrame(window []*item, visit func(message, frame int32)) {
	seen := make([]int32, len(t.frames)) // the last message of each frame, plus 1
	for i, it := range window {
		for _, c := range it.uses {
			if f := t.chunks[c].frame; seen[f] <= int32(i) {
				seen[f] = int32(i) + 1
				visit(int32(i), f)
			}
		}
	}
}

// planHeld sets the frames that each message needs, the chunks that are held after it, and those
// that are released after it.
func (t *chunkTable) planHeld(window []*item, held *heldChunks) {
	p := &heldPlan{
		chunkTable: t, left: make([]int64, len(t.frames)),
		whole: make([]int32, len(t.frames)), closed: make([]int32, len(t.frames)),
	}
	for i, it := range window {
		it.at, it.held = int32(i), held
		for _, c := range it.uses {
			p.count(it, &t.chunks[c])
		}
	}
	for _, it := range window {
		for _, c := range it.uses {
			p.use(it, &t.chunks[c])
		}
		for _, c := range it.uses {
			p.close(it, t.chunks[c].frame)
		}
	}
	for _, it := range window {
		for _, c := range it.uses {
			p.hold(window, &t.chunks[c])
		}
		it.uses = nil
	}
}

// heldPlan is the state of planHeld. Messages are indices into the window.
type heldPlan struct {
	*chunkTable
	left   []int64 // bytes of each frame that later messages need
	whole  []int32 // the last message that is streamed and needs the frame
	closed []int32 // the message after which the frame is dropped, plus 1; 0: none
	size   int64   // bytes that are held
}

// count counts that a message needs a chunk.
func (p *heldPlan) count(it *item, c *plannedChunk) {
	if it.streamed() { // it reads its chunks ahead, by their frames
		p.whole[c.frame] = it.at
		return
	}
	if c.last < 0 {
		p.left[c.frame] += int64(c.length)
	}
	c.last = it.at
}

// use counts that a message reads a chunk.
func (p *heldPlan) use(it *item, c *plannedChunk) {
	isClosed := p.closed[c.frame] > 0
	if frame := p.frames[c.frame]; !isClosed && !slices.Contains(it.frames, frame) {
		it.frames = append(it.frames, frame)
	}
	if c.last != it.at || it.streamed() {
		return
	}
	p.left[c.frame] -= int64(c.length)
	if isClosed {
		p.size -= int64(c.length)
		it.releases = append(it.releases, c.id)
	}
}

// close drops a frame after a message if little of it is left to use.
func (p *heldPlan) close(it *item, frame int32) {
	left := p.left[frame]
	if p.closed[frame] == 0 && 0 < left && left <= int64(p.frames[frame].Length)/heldShare &&
		it.at >= p.whole[frame] && p.size+left <= maxHeld {
		p.closed[frame] = it.at + 1
		p.size += left
	}
}

// hold makes a chunk held when its frame is dropped, if it is needed after that.
func (p *heldPlan) hold(window []*item, c *plannedChunk) {
	if closed := p.closed[c.frame]; closed > 0 && c.last >= closed && !c.held {
		c.held = true
		window[closed-1].holds = append(window[closed-1].holds, heldChunk{c.id, c.last})
	}
}

// heldChunk is a chunk that is held.
type heldChunk struct {
	id   chunk.ID
	last int32 // the last message that needs it, as an index into the window
}

// heldChunks reads chunks, and holds some of them for the messages of a window.
type heldChunks struct {
	archive.ChunkReader
	contents *archive.Contents // reads through heldChunks

	mu     sync.Mutex
	chunks map[chunk.ID][]byte
}

func newHeldChunks(c *archive.Contents) *heldChunks {
	h := &heldChunks{ChunkReader: c.Chunks(), chunks: map[chunk.ID][]byte{}}
	h.contents = archive.NewContents(c.Manifest, h, c.MessageHasher)
	return h
}

// Chunk implements archive.ChunkReader.
func (h *heldChunks) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	h.mu.Lock()
	data, held := h.chunks[id]
	h.mu.Unlock()
	if held {
		return data, nil // it was checked when it was read
	}
	return h.ChunkReader.Chunk(ctx, id)
}

// hold reads chunks and holds them. One that cannot be read is not held: the error comes again when
// a message needs it.
func (h *heldChunks) hold(ctx context.Context, chunks []heldChunk) {
	for _, c := range chunks {
		if data, err := h.ChunkReader.Chunk(ctx, c.id); err == nil {
			h.mu.Lock()
			h.chunks[c.id] = bytes.Clone(data)
			h.mu.Unlock()
		}
	}
}

// release releases chunks that no later message needs.
func (h *heldChunks) release(ids []chunk.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		delete(h.chunks, id)
	}
}
