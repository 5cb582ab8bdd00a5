package restore

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// chunkTable has the chunks of the messages of a window, each once, and their frames.
type chunkTable struct {
	mu     sync.Mutex // guards all while the messages are located
	frames []repo.Frame
	chunks []plannedChunk

	frameAt map[repo.Frame]int32
	chunkAt map[chunkPlace]int32
}

// plannedChunk is a chunk of some messages.
type plannedChunk struct {
	id     chunk.ID
	frame  int32 // index into chunkTable.frames
	length uint32
	last   int32 // the last message that needs it, as an index into the window; -1: none that is not streamed
	held   bool  // after a message
}

type chunkPlace struct {
	frame  int32
	offset uint32
}

func newChunkTable() *chunkTable {
	return &chunkTable{frameAt: map[repo.Frame]int32{}, chunkAt: map[chunkPlace]int32{}}
}

func (t *chunkTable) frameOf(c int32) repo.Frame { return t.frames[t.chunks[c].frame] }

// locate finds the chunks of messages, for several messages at once.
func (t *chunkTable) locate(ctx context.Context, window []*item) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for some := range slices.Chunk(window, manifest.MaxPageRecords) {
		group.Go(func() error {
			for _, it := range some {
				if err := t.locateOne(ctx, it); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// locateOne finds the chunks of a message: all of them, or the first ones of a streamed message.
func (t *chunkTable) locateOne(ctx context.Context, it *item) error {
	ids := it.ids
	it.ids = nil
	places, err := it.contents().Locate(ctx, ids)
	if err != nil {
		if archive.IsDamage(err) {
			return nil
		}
		return err
	}
	if len(places) == 0 {
		return nil
	}
	it.position = position{frame: places[0].Frame.Offset, offset: places[0].Offset}
	it.uses = make([]int32, 0, len(places))
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, place := range places {
		if c := t.add(ids[i], place); !slices.Contains(it.uses, c) {
			it.uses = append(it.uses, c)
		}
	}
	return nil
}

// add adds a chunk, unless the table has it, and returns its index.
func (t *chunkTable) add(id chunk.ID, place repo.Location) int32 {
	f, known := t.frameAt[place.Frame]
	if !known {
		f = int32(len(t.frames))
		t.frames = append(t.frames, place.Frame)
		t.frameAt[place.Frame] = f
	}
	at := chunkPlace{f, place.Offset}
	c, known := t.chunkAt[at]
	if !known {
		c = int32(len(t.chunks))
		t.chunks = append(t.chunks, plannedChunk{id: id, frame: f, length: place.Length, last: -1})
		t.chunkAt[at] = c
	}
	return c
}
