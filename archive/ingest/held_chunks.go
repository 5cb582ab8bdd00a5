package ingest

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// Whether a message was erased is known from its hash, at the end of the message. Until then, the
// writer holds chunks that erased messages have. Otherwise erased content would reach the store
// again, in a pack that nothing refers to.

// heldChunk is a chunk that is stored once its message is known not to be erased.
type heldChunk struct {
	lane repo.Lane
	data []byte
}

// maxHeld bounds the bytes that are held. Further chunks of the message are stored, and a prune
// removes them.
const maxHeld = 64 << 20

// loadErasures reads the erasures at its first call, and drops what an earlier message left.
func (w *MessageWriter) loadErasures(ctx context.Context) (err error) {
	w.held, w.heldBytes = nil, 0
	if w.erased == nil {
		w.erased, err = w.writer.Erasures(ctx)
	}
	return archive.MarkWriteError(err)
}

// hold keeps a chunk that an erased message has, unless too much is held. It reports whether it
// did.
func (w *MessageWriter) hold(lane repo.Lane, data []byte) (id chunk.ID, held bool) {
	if w.erased.HasMessages() && w.heldBytes < maxHeld {
		id = w.ids.ID(data)
		held = w.erased.Chunk(id)
	}
	if held {
		w.held = append(w.held, heldChunk{lane, bytes.Clone(data)})
		w.heldBytes += len(data)
	}
	return id, held
}

// putHeld stores the chunks that were held.
func (w *MessageWriter) putHeld(ctx context.Context) error {
	for _, c := range w.held {
		if _, _, err := w.stream.Put(ctx, c.lane, c.data); err != nil {
			return archive.MarkWriteError(err)
		}
	}
	w.held, w.heldBytes = nil, 0
	return nil
}
