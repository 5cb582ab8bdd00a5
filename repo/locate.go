package repo

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/index"
)

// Locate returns where chunks are, in the order of ids, so that the caller can read together what is stored together. It
// looks all of them up at once. It returns ErrNoChunk if one is nowhere.
func (r *Repo) Locate(ctx context.Context, ids []chunk.ID) ([]index.Location, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	return x.Locate(ctx, ids)
}
