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

	// EachPlace calls Visit again with a wanted record in each other account and mailbox that
	// shares its page.
	EachPlace bool

	repo   *repo.Repo
	reader *Reader
	ahead  *Lookahead
	known  map[chunk.Prefix]bool // whether tables, lists and record pages that were read hold a wanted record
	seen   map[pieceAt]bool      // with EachPlace: the pieces with wanted records, and where
	head   repo.Head             // of the present manifest
	holds  bool                  // what was read of the present piece holds a wanted record

	Unread int   // pieces that cannot be read
	Damage error // why the first of these cannot be read
}

// RecordPlace says where a record was found.
type RecordPlace struct {
	Account string
	Mailbox string // decoded name
}

// pieceAt is a piece of a manifest in a mailbox.
type pieceAt struct {
	RecordPlace
	piece chunk.Prefix
}

// NewRecordFinder returns a RecordFinder for a repository.
func NewRecordFinder(r *repo.Repo, visit func(RecordPlace, *manifest.Record) (bool, error)) *RecordFinder {
	reader := NewReader(r)
	return &RecordFinder{
		Visit: visit, repo: r, reader: reader, ahead: NewLookahead(reader, nil, false),
		known: make(map[chunk.Prefix]bool), seen: make(map[pieceAt]bool),
	}
}

// Load returns a function that reads chunks of the repository.
func (h *RecordFinder) Load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return h.reader.Chunk(ctx, id) }
}

// Holds reads a manifest and reports whether it has a wanted record. A piece that cannot be read is
// taken to have none, and is counted in Unread.
func (h *RecordFinder) Holds(ctx context.Context, head repo.Head) (bool, error) {
	h.head, h.holds = head, false
	m, err := ReadManifest(ctx, h.repo, head)
	if err != nil {
		return false, h.damaged(ctx, err)
	}
	walk := Walk{
		Contents: h.reader.Contents(m),
		Ahead:    h.ahead,
		Wants:    func(p Piece) (bool, error) { return h.wants(m.Account, p), nil },
		Read:     func(p Piece, read func() error) error { return h.read(ctx, m.Account, p, read) },
		Records: func(p Piece, records []manifest.Record) error {
			for i := range records {
				holds, err := h.Visit(RecordPlace{m.Account, p.Mailbox.Name}, &records[i])
				if err != nil {
					return err
				}
				h.holds = h.holds || holds
			}
			return nil
		},
	}
	err = walk.Run(ctx)
	return h.holds && err == nil, err
}

// HasPage reports whether a page that was read has a wanted record.
func (h *RecordFinder) HasPage(page manifest.Page) bool { return h.known[page.Records.Prefix()] }

// damaged records a piece that cannot be read, and returns any other error.
func (h *RecordFinder) damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil || !IsDamage(err) {
		return err
	}
	if h.Unread++; h.Damage == nil {
		h.Damage = fmt.Errorf("%s: %w", h.head.Name, err)
	}
	return nil
}

// wants reports whether a piece is read. It takes over what is known of one that was read before.
func (h *RecordFinder) wants(account string, p Piece) bool {
	if p.Kind.Leaf() {
		return false
	}
	at := pieceAt{RecordPlace{account, p.Mailbox.Name}, p.ID.Prefix()}
	holds, ok := h.known[at.piece]
	if !ok || holds && h.EachPlace && !h.seen[at] {
		return true
	}
	h.holds = h.holds || holds
	return false
}

// read reads a piece, and remembers whether it has a wanted record.
func (h *RecordFinder) read(ctx context.Context, account string, p Piece, read func() error) error {
	before := h.holds
	h.holds = false
	if err := read(); err != nil {
		if h.damaged(ctx, fmt.Errorf("%s %s: %w", p.Kind, p.ID, err)) != nil {
			return err
		}
	}
	at := pieceAt{RecordPlace{account, p.Mailbox.Name}, p.ID.Prefix()}
	h.known[at.piece] = h.holds
	if h.holds && h.EachPlace {
		h.seen[at] = true
	}
	h.holds = h.holds || before
	return nil
}
