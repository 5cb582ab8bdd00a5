package restore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// layout is a window of messages, and where their chunks are.
type layout struct {
	table  *chunkTable
	window []*item
	next   map[int]uint32 // free offset in each frame
}

const testFrame = 4 << 20

func newLayout() *layout { return &layout{table: newChunkTable(), next: map[int]uint32{}} }

// chunk adds a chunk to a frame.
func (l *layout) chunk(frame int, length uint32) int32 {
	var id chunk.ID
	binary.BigEndian.PutUint64(id[:], uint64(len(l.table.chunks)+1))
	offset := l.next[frame]
	l.next[frame] += length
	place := repo.Frame{Pack: repo.Pack{Hash: [32]byte{byte(frame >> 8), byte(frame)}}, Length: testFrame}
	return l.table.add(id, repo.Location{Frame: place, Offset: offset, Length: length})
}

// message adds a message.
func (l *layout) message(size int64, chunks ...int32) {
	row := &messageRow{size: size}
	binary.BigEndian.PutUint32(row.hash[:], uint32(len(l.window)))
	l.window = append(l.window, &item{row: row, uses: chunks})
}

// use is what the test needs to know of a message after it was planned.
type use struct {
	frame repo.Frame
	id    chunk.ID
	size  int64
}

// play plans the window, and goes through its batches as a restore does. It returns the most bytes
// of frames and of chunks that are needed at once, and how often a frame is fetched.
func (l *layout) play(t *testing.T, postpone bool) (frames, held int64, fetched map[repo.Frame]int) {
	t.Helper()
	uses, known := map[*item][]use{}, map[chunk.ID]use{}
	for _, it := range l.window {
		for _, c := range it.uses {
			chunk := l.table.chunks[c]
			u := use{l.table.frames[chunk.frame], chunk.id, int64(chunk.length)}
			uses[it], known[u.id] = append(uses[it], u), u
		}
	}
	all := slices.Clone(l.window)
	if postpone {
		l.table.postpone(l.window)
	}
	l.table.planHeld(l.window, new(heldChunks))
	open, chunks := map[repo.Frame]bool{}, map[chunk.ID]int64{}
	fetched = map[repo.Frame]int{}
	restored := map[*item]bool{}
	for _, b := range batches(l.window, batchMessages, batchBytes) {
		for frame := range b.frames {
			if !open[frame] {
				open[frame] = true
				fetched[frame]++
			}
		}
		for _, it := range b.items {
			restored[it] = true
			for _, u := range uses[it] {
				if _, isHeld := chunks[u.id]; !isHeld && !open[u.frame] {
					t.Fatalf("a message has neither its chunk nor the frame of that")
				}
			}
		}
		frames = max(frames, testFrame*int64(len(open)))
		for _, id := range b.releases {
			delete(chunks, id)
		}
		var size int64
		for _, h := range b.holds {
			u := known[h.id]
			if !open[u.frame] {
				t.Fatal("a chunk is held after its frame was dropped")
			}
			chunks[h.id] = u.size
		}
		for _, n := range chunks {
			size += n
		}
		held = max(held, size)
		for _, frame := range b.last {
			delete(open, frame)
		}
	}
	if len(restored) != len(all) || len(open) > 0 || len(chunks) > 0 {
		t.Errorf("%d of %d messages; %d frames and %d chunks are left", len(restored), len(all), len(open), len(chunks))
	}
	return frames, held, fetched
}

// patchList is a layout with some messages that refer to chunks far away, before or after their own
// frame.
func patchList(messages int) *layout {
	const perFrame = 300
	l := newLayout()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range messages {
		l.message(13000, l.chunk(2*(i/perFrame), 2000), l.chunk(2*(i/perFrame)+1, 11000))
	}
	for i := range messages {
		if i%20 == 0 {
			other := l.window[r.IntN(messages)].uses[1]
			l.window[i].uses = append(l.window[i].uses, other)
		}
	}
	return l
}

// A few chunks that are needed far away neither keep their frames decoded nor make them be fetched
// again.
func TestFarChunksAreHeld(t *testing.T) {
	for _, postpone := range []bool{true, false} {
		t.Run(fmt.Sprintf("postpone=%v", postpone), func(t *testing.T) {
			frames, held, fetched := patchList(windowItems).play(t, postpone)
			t.Logf("%d MiB of frames, %d KiB of chunks", frames>>20, held>>10)
			if postpone && frames > 4*testFrame || held > maxHeld {
				t.Errorf("%d MiB of frames, %d KiB of chunks", frames>>20, held>>10)
			}
			for frame, n := range fetched {
				if n > 1 {
					t.Errorf("frame %v was fetched %d times", frame, n)
				}
			}
		})
	}
}

// Whatever the layout is, each message has what it needs, and what is held is bounded.
func TestAnyLayoutIsRestored(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		l := newLayout()
		spread, size := 1+r.IntN(20), uint32(1+r.IntN(300_000))
		for range 1 + r.IntN(400) {
			switch {
			case len(l.window) > 0 && r.IntN(5) == 0: // a copy
				l.message(10_000, l.window[r.IntN(len(l.window))].uses...)
			case r.IntN(50) == 0:
				l.message(streamedSize+1, l.chunk(r.IntN(spread), size))
			default:
				var uses []int32
				for range r.IntN(4) {
					if n := len(l.table.chunks); n > 0 && r.IntN(3) == 0 {
						if c := int32(r.IntN(n)); !slices.Contains(uses, c) {
							uses = append(uses, c)
						}
					} else {
						uses = append(uses, l.chunk(r.IntN(spread), size))
					}
				}
				l.message(10_000, uses...)
			}
		}
		if _, held, _ := l.play(t, seed%2 == 0); held > maxHeld {
			t.Errorf("seed %d: %d bytes are held", seed, held)
		}
	}
}

// A held chunk is read once, and not after it was released.
func TestHeldChunksAreReadOnce(t *testing.T) {
	reader := &countingReader{reads: map[chunk.ID]int{}}
	h := &heldChunks{ChunkReader: reader, chunks: map[chunk.ID][]byte{}}
	a, b, gone := chunk.ID{1}, chunk.ID{2}, chunk.ID{}
	h.hold(t.Context(), []heldChunk{{id: a}, {id: gone}})
	for range 3 {
		for _, id := range []chunk.ID{a, b} {
			if data, err := h.Chunk(t.Context(), id); err != nil || data[0] != id[0] {
				t.Error(data, err)
			}
		}
		if _, err := h.Chunk(t.Context(), gone); err == nil {
			t.Error("a chunk that cannot be read has no error")
		}
	}
	h.release([]chunk.ID{a, gone})
	_, _ = h.Chunk(t.Context(), a)
	if reader.reads[a] != 2 || reader.reads[b] != 3 {
		t.Errorf("a held chunk was read %d times, another one %d times", reader.reads[a], reader.reads[b])
	}
}

// countingReader has all chunks, except the one with the ID 0.
type countingReader struct {
	archive.ChunkReader
	reads map[chunk.ID]int
}

func (r *countingReader) Chunk(_ context.Context, id chunk.ID) ([]byte, error) {
	r.reads[id]++
	if id == (chunk.ID{}) {
		return nil, repo.ErrNoChunk
	}
	return id[:], nil
}
