package archive

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Prune deletes what no manifest needs, as repo.Repo.Prune does. It follows every manifest down to the chunks of its messages,
// and what several manifests share once. It does not read messages.
func Prune(ctx context.Context, r *repo.Repo, o repo.PruneOptions) (*repo.PruneReport, error) {
	w := &reachability{repo: r, reader: NewReader(r)}
	if o.Erased != nil {
		erasures, err := r.Erasures(ctx)
		if err != nil {
			return nil, err
		}
		w.erasures, w.erased = erasures, o.Erased
	}
	return r.Prune(ctx, o, w.root)
}

// reachability follows manifests to chunks. It stops at the first piece that cannot be read, because the piece may refer to
// any chunk.
type reachability struct {
	repo     *repo.Repo
	reader   *Reader
	contents *Contents // of the present manifest
	reach    func(chunk.ID) (first bool, err error)

	erasures *statement.Erasures
	erased   func(repo.Head) // called with each manifest that is kept and holds what was erased; may be nil
	holds    bool            // the present manifest holds what was erased
}

// root follows a manifest.
func (w *reachability) root(ctx context.Context, head repo.Head, reach func(chunk.ID) (bool, error)) error {
	content, err := w.repo.Root(ctx, head) // whatever its name says
	if err != nil {
		return err
	}
	m, err := manifest.Parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", head.Name, err)
	}
	w.contents, w.reach = w.reader.Contents(m), reach
	_, w.holds = w.erasures.Account(head.Account)
	if err = w.mailboxes(ctx, m.Mailboxes); err == nil {
		err = w.tables(ctx, m.Tables)
	}
	if w.holds && w.erased != nil && !head.Marked {
		w.erased(head)
	}
	// If it was stored after its deadline, it was never committed, and chunks may have been removed.
	if head.Stored.After(m.Deadline) && (errors.Is(err, repo.ErrNoChunk) || errors.Is(err, store.ErrNotExist)) {
		err = fmt.Errorf("it was stored after its deadline and does not count, but blocks prune until a day after you forget it: %w", err)
	}
	return err
}

func (w *reachability) tables(ctx context.Context, tables []chunk.ID) error {
	for _, id := range tables {
		mailboxes, err := follow(ctx, w, id, manifest.ParseMailboxes)
		if err == nil {
			err = w.mailboxes(ctx, mailboxes)
		}
		if err != nil {
			return fmt.Errorf("mailbox table %s: %w", id, err)
		}
	}
	return nil
}

// follow reads a piece, unless it was reached before.
func follow[T any](ctx context.Context, w *reachability, id chunk.ID, parse func([]byte) ([]T, error)) ([]T, error) {
	if first, err := w.reach(id); err != nil || !first {
		return nil, err
	}
	return ReadPiece(ctx, w.contents, id, parse)
}

func (w *reachability) mailboxes(ctx context.Context, mailboxes []manifest.Mailbox) error {
	for i := range mailboxes {
		m := &mailboxes[i]
		err := w.pages(ctx, m.Pages)
		for _, id := range m.Lists {
			if err != nil {
				break
			}
			var pages []manifest.Page
			if pages, err = follow(ctx, w, id, manifest.ParsePageList); err == nil {
				err = w.pages(ctx, pages)
			}
		}
		if err != nil {
			return fmt.Errorf("mailbox %q: %w", m.Name, err)
		}
	}
	return nil
}

// pages follows the pages that were not reached before, several at once.
func (w *reachability) pages(ctx context.Context, pages []manifest.Page) error {
	var fresh []chunk.ID
	flush := func() error {
		if len(fresh) > 1 {
			w.contents.PrefetchChunks(ctx, fresh)
		}
		for _, id := range fresh {
			if err := w.records(ctx, id); err != nil {
				return fmt.Errorf("record page %s: %w", id, err)
			}
		}
		fresh = fresh[:0]
		return nil
	}
	for _, page := range pages {
		if _, err := w.reach(page.Flags); err != nil {
			return err
		}
		first, err := w.reach(page.Records)
		if err != nil {
			return err
		}
		if first {
			fresh = append(fresh, page.Records)
		}
		if len(fresh) == PageBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (w *reachability) records(ctx context.Context, page chunk.ID) error {
	records, err := ReadPiece(ctx, w.contents, page, manifest.ParseRecords)
	if err != nil {
		return err
	}
	for i := range records {
		w.holds = w.holds || w.erasures.Message(records[i].Hash)
		parts := records[i].Parts
		if len(parts) == 0 && records[i].List != (chunk.ID{}) {
			if parts, err = follow(ctx, w, records[i].List, manifest.ParseParts); err != nil {
				return fmt.Errorf("list of parts of UID %d: %w", records[i].UID, err)
			}
		}
		for _, part := range parts {
			for _, id := range part.Chunks {
				if _, err := w.reach(id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
