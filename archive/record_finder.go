package archive

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// RecordFinder finds the manifests that hold certain messages. It reads once what manifests share.
type RecordFinder struct {
	// Visit is called with each new record, and reports whether the record is wanted.
	Visit func(RecordPlace, *manifest.Record) (bool, error)

	// EachPlace calls Visit again with a wanted record in each other account and mailbox that shares its page.
	EachPlace bool

	repo     *repo.Repo
	reader   *Reader
	known    map[chunk.Prefix]bool // whether tables, lists and record pages that were read hold a wanted record
	seen     map[pieceAt]bool      // with EachPlace: the pieces with wanted records, and where
	contents *Contents
	place    RecordPlace

	Unread int   // pieces that cannot be read
	Damage error // why the first of these cannot be read
}

// RecordPlace says where a record was found.
type RecordPlace struct {
	Head    repo.Head
	Account string
	Mailbox string // decoded name
}

// pieceAt is a piece of a manifest in a mailbox.
type pieceAt struct {
	account, mailbox string
	piece            chunk.Prefix
}

// NewRecordFinder returns a RecordFinder for a repository.
func NewRecordFinder(r *repo.Repo, visit func(RecordPlace, *manifest.Record) (bool, error)) *RecordFinder {
	return &RecordFinder{Visit: visit, repo: r, reader: NewReader(r), known: make(map[chunk.Prefix]bool), seen: make(map[pieceAt]bool)}
}

// Load returns a function that reads chunks of the repository.
func (h *RecordFinder) Load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return h.reader.Chunk(ctx, id) }
}

// Holds reads a manifest and reports whether it has a wanted record. A piece that cannot be read is taken to have none, and
// is counted in Unread.
func (h *RecordFinder) Holds(ctx context.Context, head repo.Head) (bool, error) {
	m, err := ReadManifest(ctx, h.repo, head)
	if err != nil {
		return false, h.damaged(ctx, err)
	}
	h.contents = h.reader.Contents(m)
	h.place = RecordPlace{Head: head, Account: m.Account}
	holds, err := h.mailboxes(ctx, m.Mailboxes)
	if err != nil {
		return false, err
	}
	for _, id := range m.Tables {
		h.place.Mailbox = ""
		has, err := h.piece(ctx, id, func() (bool, error) {
			mailboxes, err := ReadPiece(ctx, h.contents, id, manifest.ParseMailboxes)
			if err != nil {
				return false, h.damaged(ctx, fmt.Errorf("mailbox table %s: %w", id, err))
			}
			return h.mailboxes(ctx, mailboxes)
		})
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}

// HasPage reports whether a page that was read has a wanted record.
func (h *RecordFinder) HasPage(page manifest.Page) bool { return h.known[page.Records.Prefix()] }

// damaged records a piece that cannot be read, and returns any other error.
func (h *RecordFinder) damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil || !IsDamage(err) {
		return err
	}
	if h.Unread++; h.Damage == nil {
		h.Damage = fmt.Errorf("%s: %w", h.place.Head.Name, err)
	}
	return nil
}

// piece reads a piece that manifests share, unless it was read before.
func (h *RecordFinder) piece(ctx context.Context, id chunk.ID, read func() (bool, error)) (bool, error) {
	at := pieceAt{h.place.Account, h.place.Mailbox, id.Prefix()}
	if holds, ok := h.known[at.piece]; ok && !(holds && h.EachPlace && !h.seen[at]) {
		return holds, nil
	}
	holds, err := read()
	if err == nil {
		h.known[at.piece] = holds
	}
	if err == nil && holds && h.EachPlace {
		h.seen[at] = true
	}
	return holds, err
}

func (h *RecordFinder) mailboxes(ctx context.Context, mailboxes []manifest.Mailbox) (holds bool, err error) {
	for i := range mailboxes {
		m := &mailboxes[i]
		h.place.Mailbox = m.Name
		has, err := h.pages(ctx, m.Pages)
		if err != nil {
			return false, err
		}
		holds = holds || has
		for _, id := range m.Lists {
			has, err := h.piece(ctx, id, func() (bool, error) {
				pages, err := ReadPiece(ctx, h.contents, id, manifest.ParsePageList)
				if err != nil {
					return false, h.damaged(ctx, fmt.Errorf("page list %s: %w", id, err))
				}
				return h.pages(ctx, pages)
			})
			if err != nil {
				return false, err
			}
			holds = holds || has
		}
	}
	return holds, nil
}

func (h *RecordFinder) pages(ctx context.Context, pages []manifest.Page) (holds bool, err error) {
	var fresh []chunk.ID
	for _, page := range pages {
		if _, ok := h.known[page.Records.Prefix()]; !ok && len(fresh) < PageBatch {
			fresh = append(fresh, page.Records)
		}
	}
	if len(fresh) > 1 {
		h.contents.PrefetchChunks(ctx, fresh)
	}
	for _, page := range pages {
		has, err := h.piece(ctx, page.Records, func() (bool, error) { return h.records(ctx, page.Records) })
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}

func (h *RecordFinder) records(ctx context.Context, page chunk.ID) (holds bool, err error) {
	records, err := ReadPiece(ctx, h.contents, page, manifest.ParseRecords)
	if err != nil {
		return false, h.damaged(ctx, fmt.Errorf("record page %s: %w", page, err))
	}
	for i := range records {
		has, err := h.Visit(h.place, &records[i])
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}
