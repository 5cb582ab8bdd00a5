package repo

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/index"
)

// Locate returns where chunks are, in the order of ids, so that the caller can read together what is stored together. It
// returns ErrNoChunk if one is nowhere.
func (r *Repo) Locate(ctx context.Context, ids []chunk.ID) ([]index.Location, error) {
	locations := make([]index.Location, 0, len(ids))
	for _, id := range ids {
		places, err := r.places(ctx, id)
		if err != nil {
			return nil, err
		}
		locations = append(locations, places[0])
	}
	return locations, nil
}

// places returns where a chunk is, or ErrNoChunk if it is nowhere.
func (r *Repo) places(ctx context.Context, id chunk.ID) ([]index.Location, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	return x.Locate(ctx, id)
}
