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

	Unread int   // pieces that could not be read so far
	Damage error // why the first of these cannot be read

	repo   *repo.Repo
	reader *Reader
	ahead  *Lookahead
	known  map[chunk.Prefix]bool // whether tables, lists and record pages that were read hold a wanted record
	seen   map[pieceAt]bool      // with EachPlace: the pieces with wanted records, and where
	head   repo.Head             // of the present manifest
	holds  bool                  // what was read of the present piece holds a wanted record
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
func (f *RecordFinder) Load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return f.reader.Chunk(ctx, id) }
}

// Holds reads a manifest and reports whether it has a wanted record. A piece that cannot be read is
// taken to have none, and is counted in Unread.
func (f *RecordFinder) Holds(ctx context.Context, head repo.Head) (bool, error) {
	f.head, f.holds = head, false
	m, err := ReadManifest(ctx, f.repo, head)
	if err != nil {
		return false, f.damaged(ctx, err)
	}
	walk := Walk{
		Contents: f.reader.Contents(m),
		Ahead:    f.ahead,
		Wants:    func(p Piece) (bool, error) { return f.wants(m.Account, p), nil },
		Read:     func(p Piece, read func() error) error { return f.read(ctx, m.Account, p, read) },
		Records: func(p Piece, records []manifest.Record) error {
			for i := range records {
				holds, err := f.Visit(RecordPlace{m.Account, p.Mailbox.Name}, &records[i])
				if err != nil {
					return err
				}
				f.holds = f.holds || holds
			}
			return nil
		},
	}
	err = walk.Run(ctx)
	return f.holds && err == nil, err
}

// HasPage reports whether a page that was read has a wanted record.
func (f *RecordFinder) HasPage(page manifest.Page) bool { return f.known[page.Records.Prefix()] }

// damaged records a piece that cannot be read, and returns any other error.
func (f *RecordFinder) damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil || !IsDamage(err) {
		return err
	}
	if f.Unread++; f.Damage == nil {
		f.Damage = fmt.Errorf("%s: %w", f.head.Name, err)
	}
	return nil
}

// wants reports whether a piece is read. It takes over what is known of one that was read before.
func (f *RecordFinder) wants(account string, p Piece) bool {
	if p.Kind.Leaf() {
		return false
	}
	at := pieceAt{RecordPlace{account, p.Mailbox.Name}, p.ID.Prefix()}
	holds, ok := f.known[at.piece]
	if !ok || holds && f.EachPlace && !f.seen[at] {
		return true
	}
	f.holds = f.holds || holds
	return false
}

// read reads a piece, and remembers whether it has a wanted record.
func (f *RecordFinder) read(ctx context.Context, account string, p Piece, read func() error) error {
	before := f.holds
	f.holds = false
	if err := read(); err != nil {
		if f.damaged(ctx, fmt.Errorf("%s %s: %w", p.Kind, p.ID, err)) != nil {
			return err
		}
	}
	at := pieceAt{RecordPlace{account, p.Mailbox.Name}, p.ID.Prefix()}
	f.known[at.piece] = f.holds
	if f.holds && f.EachPlace {
		f.seen[at] = true
	}
	f.holds = f.holds || before
	return nil
}
