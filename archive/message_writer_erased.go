package archive

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// Whether a message was erased is known from its hash, at the end of the message. Until then, the writer holds chunks that
// erased messages have. Otherwise erased content would reach the store again, in a pack that nothing refers to.

// heldChunk is a chunk that is stored once its message is known not to be erased.
type heldChunk struct {
	lane repo.Lane
	data []byte
}

// maxHeld bounds the bytes that are held. Further chunks of the message are stored, and a prune removes them.
const maxHeld = 64 << 20

// loadErasures reads the erasures at its first call, and drops what an earlier message left.
func (w *MessageWriter) loadErasures(ctx context.Context) (err error) {
	w.held, w.heldBytes = nil, 0
	if w.erased == nil {
		w.erased, err = w.writer.Erasures(ctx)
	}
	return AsWrite(err)
}

// put stores or holds a chunk.
func (w *MessageWriter) put(ctx context.Context, lane repo.Lane, data []byte) (id chunk.ID, err error) {
	if w.erased.HasMessages() && w.heldBytes < maxHeld {
		if id = w.ids.ID(data); w.erased.Chunk(id) {
			w.held = append(w.held, heldChunk{lane, bytes.Clone(data)})
			w.heldBytes += len(data)
			return id, nil
		}
	}
	id, _, err = w.stream.Put(ctx, lane, data)
	return id, err
}

// release stores the chunks that were held.
func (w *MessageWriter) release(ctx context.Context) error {
	for _, c := range w.held {
		if _, _, err := w.stream.Put(ctx, c.lane, c.data); err != nil {
			return AsWrite(err)
		}
	}
	w.held, w.heldBytes = nil, 0
	return nil
}
