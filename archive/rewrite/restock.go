package rewrite

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// restocker stores again what manifests need and does not count as stored (rule 2), if it can be
// read. Then a manifest can be committed again that no run may have as a parent (rule 1), because
// it is marked or late.
type restocker struct {
	to     *repo.Writer
	erased *statement.Erasures
	sound  map[chunk.ID]struct{} // tables, lists and pages of which everything is stored

	from    *archive.Contents
	missing []manifest.Failure
}

// newRestocker returns a restocker for a run's writer.
func newRestocker(ctx context.Context, to *repo.Writer) (*restocker, error) {
	erased, err := to.Erasures(ctx)
	return &restocker{to: to, erased: erased, sound: make(map[chunk.ID]struct{})}, err
}

// restock stores what one manifest needs, and returns what cannot be read any more. It returns
// ErrErased if the manifest has a message that was erased.
func (r *restocker) restock(ctx context.Context, from *archive.Contents) (missing []manifest.Failure, err error) {
	r.from, r.missing = from, nil
	walk := archive.Walk{
		Contents: from,
		Wants: func(p archive.Piece) (bool, error) {
			_, ok := r.sound[p.ID]
			return !ok, nil
		},
		Read: func(p archive.Piece, read func() error) error { return r.piece(ctx, p, read) },
		Records: func(p archive.Piece, records []manifest.Record) error {
			return r.messages(ctx, p.Mailbox, records)
		},
		Items: func(_ archive.Piece, items []manifest.Item) error { return r.items(ctx, items) },
	}
	err = walk.Run(ctx)
	return r.missing, err
}

// piece stores a piece of a manifest and what it refers to.
func (r *restocker) piece(ctx context.Context, p archive.Piece, read func() error) error {
	before := len(r.missing)
	err := storeChunk(ctx, r.from, r.to, p.ID, func([]byte) repo.Lane { return repo.LaneCatalog })
	if err == nil {
		err = read()
	}
	if err != nil {
		return recordLoss(ctx, &r.missing, manifest.Failure{Mailbox: p.Mailbox.Raw}, err)
	}
	if len(r.missing) == before {
		r.sound[p.ID] = struct{}{}
	}
	return nil
}

func (r *restocker) messages(ctx context.Context, m *manifest.Mailbox, records []manifest.Record) error {
	if err := r.prefetch(ctx, records); err != nil {
		return err
	}
	for i := range records {
		record := &records[i]
		if r.erased.Message(record.Hash) {
			return fmt.Errorf("UID %d: %w", record.UID, repo.ErrErased)
		}
		if err := storeMissing(ctx, r.from, r.to, record); err != nil {
			if err := recordLoss(ctx, &r.missing, manifest.Failure{Mailbox: m.Raw, UID: record.UID}, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefetch fetches together the chunks that are to be stored again.
func (r *restocker) prefetch(ctx context.Context, records []manifest.Record) error {
	var ids []chunk.ID
	for i := range records {
		for _, part := range records[i].Parts {
			for _, id := range part.Chunks {
				if has, err := r.to.Has(ctx, id); err != nil {
					return archive.MarkWriteError(err)
				} else if !has {
					ids = append(ids, id)
				}
			}
		}
	}
	if len(ids) > 0 {
		r.from.PrefetchChunks(ctx, ids)
	}
	return nil
}
