package ingest

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// ItemWriter stores the contents of items. It is for one goroutine.
type ItemWriter struct {
	stream *repo.Stream
	cutter *chunk.Cutter
}

// NewItemWriter returns an ItemWriter.
func NewItemWriter(r *repo.Repo, w *repo.Writer) *ItemWriter {
	return &ItemWriter{stream: w.Stream(), cutter: r.Cutter()}
}

func (w *ItemWriter) Close() { w.stream.Close() }

// Write stores the content of an item, and returns the item with its size and its chunks. As with
// MessageWriter.Write, the end of ctx does not stop it.
func (w *ItemWriter) Write(ctx context.Context, item manifest.Item, content []byte) (manifest.Item, error) {
	ctx = context.WithoutCancel(ctx)
	var ids []chunk.ID
	err := w.cutter.Cut(bytes.NewReader(content), func(data []byte) error {
		id, _, err := w.stream.Put(ctx, ItemLane(data), data)
		ids = append(ids, id)
		return archive.MarkWriteError(err)
	})
	if err != nil {
		return manifest.Item{}, err
	}
	item.Size = int64(len(content))
	err = item.SetChunks(ids, func(data []byte) (chunk.ID, error) {
		id, _, err := w.stream.Put(ctx, repo.LaneCatalog, data)
		return id, archive.MarkWriteError(err)
	})
	return item, err
}
