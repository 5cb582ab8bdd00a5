package archive

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// The hash of a message shows whether it was erased, and is known only at the end of the message. So chunks that erased
// messages have are held until then. Otherwise erased content would reach the store again, in a pack that nothing names.

// heldChunk is a chunk that is stored once its message is known not to be erased.
type heldChunk struct {
	lane repo.Lane
	data []byte
}

// maxHeld bounds the bytes that are held. Further chunks of the message are stored, and a prune finds them.
const maxHeld = 64 << 20

// loadErasures reads the erasures once, and drops what the message before left.
func (f *MessageWriter) loadErasures(ctx context.Context) (err error) {
	f.held, f.heldBytes = nil, 0
	if f.erased == nil {
		f.erased, err = f.writer.Erasures(ctx)
	}
	return AsWrite(err)
}

// put stores a chunk, or holds it.
func (f *MessageWriter) put(ctx context.Context, lane repo.Lane, data []byte) (id chunk.ID, err error) {
	if f.erased.HasMessages() && f.heldBytes < maxHeld {
		if id = f.ids.ID(data); f.erased.Chunk(id) {
			f.held = append(f.held, heldChunk{lane, bytes.Clone(data)})
			f.heldBytes += len(data)
			return id, nil
		}
	}
	id, _, err = f.stream.Put(ctx, lane, data)
	return id, err
}

// release stores what was held.
func (f *MessageWriter) release(ctx context.Context) error {
	for _, c := range f.held {
		if _, _, err := f.stream.Put(ctx, c.lane, c.data); err != nil {
			return AsWrite(err)
		}
	}
	f.held, f.heldBytes = nil, 0
	return nil
}
