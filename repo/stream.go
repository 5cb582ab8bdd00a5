package repo

import (
	"context"
	"iter"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// Stream is a way into a Writer for chunks that belong together, such as those of one mailbox's messages in their order:
// those that come through one stream share frames with each other alone. So what is alike is compressed together though
// several connections deliver at once, and what is read together later lies together.
type Stream struct {
	w      *Writer
	leased int // how many use it now; guarded by Writer.leasing
	lanes  [format.Lanes]frameLane
}

// frameLane is the frame of one lane of a stream that is being filled.
type frameLane struct {
	mu    sync.Mutex
	frame *format.RawFrame // nil: none
}

// maxStreams bounds memory: each has a frame in the making for each lane, some 13 MiB in all. More users share.
const maxStreams = 2

// Stream lends a stream, to be given back by Close. A frame that is not full then is filled by who comes next.
func (w *Writer) Stream() *Stream {
	w.leasing.Lock()
	defer w.leasing.Unlock()
	best := &w.streams[0]
	for i := range w.streams {
		if w.streams[i].leased < best.leased {
			best = &w.streams[i]
		}
	}
	best.leased++
	return best
}

// Close gives the stream back.
func (s *Stream) Close() {
	s.w.leasing.Lock()
	defer s.w.leasing.Unlock()
	s.leased--
}

// Put stores a chunk unless it is stored already, and says which. It copies data. It waits when much is under way.
// What it reports as added is durable after the writer's next Flush.
func (s *Stream) Put(ctx context.Context, lane format.Lane, data []byte) (id chunk.ID, added bool, err error) {
	return s.w.put(ctx, &s.lanes[lane%format.Lanes], lane, data)
}

// filling yields the lanes that have a frame in the making.
func (w *Writer) filling() iter.Seq[*frameLane] {
	return func(yield func(*frameLane) bool) {
		for i := range w.streams {
			for l := range w.streams[i].lanes {
				if lane := &w.streams[i].lanes[l]; lane.frame != nil && !yield(lane) {
					return
				}
			}
		}
	}
}
