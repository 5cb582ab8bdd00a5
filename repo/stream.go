package repo

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// Stream puts chunks that belong together into a Writer, such as the messages of one mailbox in
// their order. The chunks of a stream share frames only with each other. So similar content is
// compressed together, and what is read together later is stored together, even if several
// connections deliver at once.
type Stream struct {
	w      *Writer
	leased int // number of users; guarded by Writer.leasing
	lanes  [format.Lanes]frameLane
}

// maxStreams is the number of streams of a Writer. It bounds memory: a stream holds a frame of each
// lane, some 12 MiB in all. If there are more users, they share the streams.
const maxStreams = 2

// Stream returns a stream, which the caller closes. The next user continues its frames that are not
// full.
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

// Close returns the stream to the writer.
func (s *Stream) Close() {
	s.w.leasing.Lock()
	defer s.w.leasing.Unlock()
	s.leased--
}

// Put stores a chunk unless it is stored already, and reports whether it did. If the store must be
// asked first, added is false, whatever the answer. Put copies data. It blocks while the writer is
// busy. The chunk is durable after the writer's next Flush.
func (s *Stream) Put(ctx context.Context, lane format.Lane, data []byte) (id chunk.ID, added bool, err error) {
	return s.w.put(ctx, &s.lanes[lane%format.Lanes], lane, data)
}
