package gather

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// pieceID is the name of a piece.
type pieceID = chunk.ID

// reader reads the chunks of a repository and the pages of gathered mailboxes, which are in no
// object. Nothing is added while it reads.
type reader struct {
	archive.ChunkReader
	pages map[pieceID]piece
	named uint64 // how many names were given
}

// Chunk implements archive.ChunkReader.
func (r *reader) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	if p, ok := r.pages[id]; ok {
		return p.encode(ctx)
	}
	return r.ChunkReader.Chunk(ctx, id)
}

// Locate implements archive.ChunkReader. A page has a place without a frame, so that nothing is
// fetched for it.
func (r *reader) Locate(ctx context.Context, ids []chunk.ID) ([]repo.Location, error) {
	var stored []chunk.ID
	var at []int
	for i, id := range ids {
		if _, ok := r.pages[id]; !ok {
			stored, at = append(stored, id), append(at, i)
		}
	}
	places := make([]repo.Location, len(ids))
	if len(stored) == 0 {
		return places, nil
	}
	found, err := r.ChunkReader.Locate(ctx, stored)
	if err != nil {
		return nil, err
	}
	for i := range found {
		places[at[i]] = found[i]
	}
	return places, nil
}

func isFlags(err error) bool { return errors.Is(err, archive.ErrFlags) }
