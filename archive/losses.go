package archive

import (
	"context"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
)

// Catalog returns a loss.Catalog, which reads pages of manifests, of a repository.
func Catalog(ctx context.Context, r *repo.Repo, reader *repo.Reader) loss.Catalog {
	chunks := &Reader{Reader: reader, repo: r}
	return loss.Catalog{
		Load:    func(id chunk.ID) ([]byte, error) { return chunks.Chunk(ctx, id) },
		Ahead:   func(ids []chunk.ID) { prefetch(ctx, chunks, ids) },
		Damaged: IsDamage,
	}
}
