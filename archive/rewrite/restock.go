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

// restocker stores again what manifests need and does not count as stored (rule 2), if it can be read. Then a manifest can be
// committed again that no run may have as a parent (rule 1), because it is marked or late.
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

// restock stores what one manifest needs, and returns what cannot be read any more. It returns ErrErased if the manifest has a
// message that was erased.
func (s *restocker) restock(ctx context.Context, from *archive.Contents) (missing []manifest.Failure, err error) {
	s.from, s.missing = from, nil
	err = s.mailboxes(ctx, from.Manifest.Mailboxes)
	for _, id := range from.Manifest.Tables {
		if err != nil {
			break
		}
		err = storePiece(ctx, s, "", id, manifest.ParseMailboxes, s.mailboxes)
	}
	return s.missing, err
}

// storePiece stores a piece of a manifest and what it refers to.
func storePiece[T any](ctx context.Context, s *restocker, mailbox string, id chunk.ID, parse func([]byte) ([]T, error),
	follow func(context.Context, []T) error,
) error {
	if _, ok := s.sound[id]; ok {
		return nil
	}
	before := len(s.missing)
	err := s.catalog(ctx, id)
	var list []T
	if err == nil {
		list, err = archive.ReadPiece(ctx, s.from, id, parse)
	}
	if err != nil {
		return s.recordLoss(ctx, manifest.Failure{Mailbox: mailbox}, err)
	}
	if err := follow(ctx, list); err != nil {
		return err
	}
	if len(s.missing) == before {
		s.sound[id] = struct{}{}
	}
	return nil
}

// recordLoss records what cannot be read. It returns an error that is not about one piece of the archive.
func (s *restocker) recordLoss(ctx context.Context, failure manifest.Failure, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	failure.Reason = err.Error()
	s.missing = append(s.missing, failure)
	return nil
}

func (s *restocker) catalog(ctx context.Context, id chunk.ID) error {
	return storeChunk(ctx, s.from, s.to, id, func([]byte) repo.Lane { return repo.LaneCatalog })
}

func (s *restocker) mailboxes(ctx context.Context, mailboxes []manifest.Mailbox) error {
	for i := range mailboxes {
		m := &mailboxes[i]
		follow := func(ctx context.Context, pages []manifest.Page) error { return s.pages(ctx, m, pages) }
		if err := follow(ctx, m.Pages); err != nil {
			return err
		}
		for _, id := range m.Lists {
			if err := storePiece(ctx, s, m.Raw, id, manifest.ParsePageList, follow); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *restocker) pages(ctx context.Context, m *manifest.Mailbox, pages []manifest.Page) error {
	for len(pages) > 0 {
		some := pages[:min(len(pages), archive.PageBatch)]
		pages = pages[len(some):]
		s.from.PrefetchPages(ctx, some)
		for _, page := range some {
			if err := s.page(ctx, m, page); err != nil {
				return fmt.Errorf("mailbox %q, %s: %w", m.Name, page, err)
			}
		}
	}
	return nil
}

func (s *restocker) page(ctx context.Context, m *manifest.Mailbox, page manifest.Page) error {
	follow := func(ctx context.Context, records []manifest.Record) error { return s.messages(ctx, m, records) }
	if err := storePiece(ctx, s, m.Raw, page.Records, manifest.ParseRecords, follow); err != nil {
		return err
	}
	nothing := func(context.Context, []manifest.FlagSet) error { return nil }
	return storePiece(ctx, s, m.Raw, page.Flags, manifest.ParseFlags, nothing)
}

func (s *restocker) messages(ctx context.Context, m *manifest.Mailbox, records []manifest.Record) error {
	if err := s.prefetch(ctx, records); err != nil {
		return err
	}
	for i := range records {
		record := &records[i]
		if s.erased.Message(record.Hash) {
			return fmt.Errorf("UID %d: %w", record.UID, repo.ErrErased)
		}
		if err := storeMissing(ctx, s.from, s.to, record); err != nil {
			if err := s.recordLoss(ctx, manifest.Failure{Mailbox: m.Raw, UID: record.UID}, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefetch fetches together the chunks that are to be stored again.
func (s *restocker) prefetch(ctx context.Context, records []manifest.Record) error {
	var ids []chunk.ID
	for i := range records {
		for _, part := range records[i].Parts {
			for _, id := range part.Chunks {
				if has, err := s.to.Has(ctx, id); err != nil {
					return archive.MarkWriteError(err)
				} else if !has {
					ids = append(ids, id)
				}
			}
		}
	}
	if len(ids) > 0 {
		s.from.PrefetchChunks(ctx, ids)
	}
	return nil
}
