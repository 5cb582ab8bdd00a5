package archive

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// Whether a message was erased its hash shows, and that is known at its end only. So chunks that erased messages have are
// held until then: content that was erased does not come into the store again, not even into a pack that nothing names.

// heldChunk is a chunk that is stored when its message turns out not to be erased.
type heldChunk struct {
	lane repo.Lane
	data []byte
}

// holdsMost bounds what is held. Of a message with more, what follows is stored, and a prune finds it.
const holdsMost = 64 << 20

// heed asks what was erased, once, and forgets what a message before left.
func (f *Filer) heed(ctx context.Context) (err error) {
	f.held, f.holding = nil, 0
	if f.erased == nil {
		f.erased, err = f.writer.Erasures(ctx)
	}
	return writing(err)
}

// put stores a chunk, or holds it.
func (f *Filer) put(ctx context.Context, lane repo.Lane, data []byte) (id chunk.ID, err error) {
	if f.erased.HasMessages() && f.holding < holdsMost {
		if id = f.ids.ID(data); f.erased.Chunk(id) {
			f.held = append(f.held, heldChunk{lane, bytes.Clone(data)})
			f.holding += len(data)
			return id, nil
		}
	}
	id, _, err = f.stream.Put(ctx, lane, data)
	return id, err
}

// release stores what was held.
func (f *Filer) release(ctx context.Context) error {
	for _, c := range f.held {
		if _, _, err := f.stream.Put(ctx, c.lane, c.data); err != nil {
			return writing(err)
		}
	}
	f.held, f.holding = nil, 0
	return nil
}
