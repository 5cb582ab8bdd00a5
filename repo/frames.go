package repo

import (
	"context"
	"iter"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// frameLane holds the frame that a stream fills with the chunks of one lane (format.Lane).
type frameLane struct {
	mu    sync.Mutex
	frame *format.RawFrame // nil if no chunk came since the last frame was full
}

// freeFrames has the empty frames for each lane. Lanes whose frames have one size share theirs, so
// that none grows.
type freeFrames [format.Lanes]chan *format.RawFrame

// newFreeFrames returns as many frames as streams fill while the encoders have theirs. Frames of
// headers are few, and those of catalogs small, so one more of each is enough.
func newFreeFrames(streams int, c format.Compression) freeFrames {
	mail := newFrames(2*streams+format.EncodersAtOnce(), c)
	return freeFrames{
		format.LaneHeader:  newFrames(streams+1, c),
		format.LaneText:    mail,
		format.LaneBody:    mail,
		format.LaneCatalog: newFrames(streams+1, format.Usual),
	}
}

// newFrames returns a channel of n empty frames. The channel has room for all of them.
func newFrames(n int, c format.Compression) chan *format.RawFrame {
	frames := make(chan *format.RawFrame, n)
	for range n {
		frames <- &format.RawFrame{Compression: c}
	}
	return frames
}

// addToFrame puts a claimed chunk into its lane's frame.
func (w *Writer) addToFrame(ctx context.Context, lane *frameLane, l format.Lane, p chunk.Prefix, data []byte) error {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	if lane.frame == nil {
		select {
		case lane.frame = <-w.free[l]:
			lane.frame.Reset(l)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.ctx.Done():
			return w.failure()
		}
	}
	lane.frame.Add(p, data)
	if !lane.frame.Full() {
		return nil
	}
	return w.send(ctx, lane)
}

// send passes the lane's frame to an encoder.
func (w *Writer) send(ctx context.Context, l *frameLane) error {
	w.encoding.Add(1)
	select {
	case w.encode <- l.frame:
		l.frame = nil
		return nil
	case <-ctx.Done():
		w.encoding.Done()
		return context.Cause(ctx)
	case <-w.ctx.Done():
		w.encoding.Done()
		return w.failure()
	}
}

// filling returns the lanes that have a frame.
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

// encodeFrames compresses frames and adds them to packs until the writer ends.
func (w *Writer) encodeFrames() error {
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case f := <-w.encode:
			err := w.r.objects.Codec.WithRawFrame(f, func(encoded []byte) error { return w.packFrame(f, encoded) })
			if err != nil {
				w.fail(err)
			}
			w.free[f.Lane] <- f // never blocks: the channel has room for all frames
			w.encoding.Done()
		}
	}
}
