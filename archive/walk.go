package archive

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Walk follows a manifest to its records, through the mailbox tables, list groups, page lists and
// pages between them. Manifests share these pieces, so Wants can pass over what an earlier walk has
// read.
type Walk struct {
	Contents *Contents

	// Ahead fetches what the walk will read. Walks of several manifests share one. It may be nil.
	Ahead *Lookahead

	// Wants reports whether a piece is read. It is called for every reference to one.
	Wants func(Piece) (bool, error)

	// Read is called with each wanted piece. It calls read, which reads the piece and what it
	// refers to. If Read returns nil, the walk goes on, even if read has failed.
	Read func(p Piece, read func() error) error

	// Records is called with the records of a page.
	Records func(Piece, []manifest.Record) error

	// Items is called with the items of a page. If it is nil, the walk does not read scripts,
	// calendars and address books.
	Items func(Piece, []manifest.Item) error
}

// Piece is a chunk between a manifest and its records.
type Piece struct {
	Kind    PieceKind
	ID      chunk.ID
	Mailbox *manifest.Mailbox // of a ListGroup, a PageList, a RecordPage or a FlagPage; otherwise empty
	Place   uint32            // of a page of records the first UID of its range; otherwise its index (see groupPlaces)

	Collection string // of an ItemPage: the URL of the source and the path of the collection
}

// PieceKind is the kind of a Piece, in words.
type PieceKind string

// The kinds of pieces.
const (
	ServerPart   PieceKind = "server part"
	MailboxTable PieceKind = "mailbox table"
	ListGroup    PieceKind = "list group"
	PageList     PieceKind = "page list"
	RecordPage   PieceKind = "record page"
	FlagPage     PieceKind = "flag page"
	ItemSource   PieceKind = "item source"
	ItemPage     PieceKind = "item page"
	PropertyPage PieceKind = "property page"
)

// Run follows the manifest. It stops at the first error that a function returns.
func (w *Walk) Run(ctx context.Context) error {
	if w.Ahead == nil {
		w.Ahead = NewLookahead(w.Contents.chunks, nil, false)
	}
	if err := w.server(ctx); err != nil {
		return err
	}
	if err := w.properties(ctx); err != nil {
		return err
	}
	if err := w.mailboxes(ctx, w.Contents.Manifest.Mailboxes); err != nil {
		return err
	}
	i := uint32(0)
	for id := range w.Contents.pieces(ctx, w.Contents.Manifest.Tables) {
		follow := func(mailboxes []manifest.Mailbox) error { return w.mailboxes(ctx, mailboxes) }
		table := Piece{Kind: MailboxTable, ID: id, Mailbox: &manifest.Mailbox{}, Place: i}
		if err := followPiece(ctx, w, table, manifest.ParseMailboxes, follow); err != nil {
			return err
		}
		i++
	}
	return w.itemSources(ctx)
}

// server reads the server part, if there is one and it is wanted.
func (w *Walk) server(ctx context.Context) error {
	id := w.Contents.Manifest.ServerPart
	if id.IsZero() {
		return nil
	}
	parse := func(b []byte) ([]mail.Server, error) {
		server, err := manifest.ParseServer(b)
		return []mail.Server{server}, err
	}
	done := func([]mail.Server) error { return nil }
	return followPiece(ctx, w, Piece{Kind: ServerPart, ID: id, Mailbox: &manifest.Mailbox{}}, parse, done)
}

// properties reads the property pages that are wanted.
func (w *Walk) properties(ctx context.Context) error {
	for i, id := range w.Contents.Manifest.Properties {
		p := Piece{Kind: PropertyPage, ID: id, Mailbox: &manifest.Mailbox{}, Place: uint32(i)}
		done := func([]manifest.Properties) error { return nil }
		if err := followPiece(ctx, w, p, manifest.ParseProperties, done); err != nil {
			return err
		}
	}
	return nil
}

// Leaf reports whether a piece of this kind refers to no other chunks.
func (k PieceKind) Leaf() bool { return k == FlagPage || k == ServerPart || k == PropertyPage }

func (w *Walk) mailboxes(ctx context.Context, mailboxes []manifest.Mailbox) error {
	for m := range w.Ahead.mailboxes(ctx, inorder.Slice(pointers(mailboxes))) {
		err := w.pages(ctx, m, m.Pages)
		if err == nil {
			err = w.lists(ctx, m, m.Lists, 0)
		}
		for i, id := range m.Groups {
			if err == nil {
				follow := func(lists []chunk.ID) error { return w.lists(ctx, m, lists, uint32(i)*groupPlaces) }
				group := Piece{Kind: ListGroup, ID: id, Mailbox: m, Place: uint32(i)}
				err = followPiece(ctx, w, group, manifest.ParseListGroup, follow)
			}
		}
		if err != nil {
			return fmt.Errorf("mailbox %q: %w", m.Name, err)
		}
	}
	return nil
}

// groupPlaces is the distance between the Places of the first lists of two groups: no group has
// more lists.
const groupPlaces = 256

// lists reads the page lists that are wanted, of which the first has a Place.
func (w *Walk) lists(ctx context.Context, m *manifest.Mailbox, lists []chunk.ID, place uint32) error {
	follow := func(pages []manifest.Page) error { return w.pages(ctx, m, pages) }
	for i, id := range lists {
		list := Piece{Kind: PageList, ID: id, Mailbox: m, Place: place + uint32(i)}
		if err := followPiece(ctx, w, list, manifest.ParsePageList, follow); err != nil {
			return err
		}
	}
	return nil
}

// pointers returns pointers to the elements of a slice.
func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// pages reads the pages that are wanted. It fetches several at once.
func (w *Walk) pages(ctx context.Context, m *manifest.Mailbox, pages []manifest.Page) error {
	wanted := func(yield func(Piece, error) bool) {
		for _, page := range pages {
			records := Piece{Kind: RecordPage, ID: page.Records, Mailbox: m, Place: page.Start}
			for _, p := range []Piece{records, {Kind: FlagPage, ID: page.Flags, Mailbox: m, Place: page.Start}} {
				if wants, err := w.Wants(p); (wants || err != nil) && !yield(p, err) {
					return
				}
			}
		}
	}
	for p, err := range PiecesAhead(ctx, w.Contents.chunks, wanted, w.Ahead.unfetched) {
		switch {
		case err != nil:
		case p.Kind == RecordPage:
			err = walkPiece(ctx, w, p, manifest.ParseRecords, func(records []manifest.Record) error { return w.Records(p, records) })
		default:
			err = walkPiece(ctx, w, p, manifest.ParseFlags, func([]manifest.FlagSet) error { return nil })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// followPiece reads a piece if it is wanted, and follows what it refers to.
func followPiece[T any](
	ctx context.Context, w *Walk, p Piece, parse func([]byte) ([]T, error), follow func([]T) error,
) error {
	if wants, err := w.Wants(p); err != nil || !wants {
		return err
	}
	return walkPiece(ctx, w, p, parse, follow)
}

func walkPiece[T any](
	ctx context.Context, w *Walk, p Piece, parse func([]byte) ([]T, error), follow func([]T) error,
) error {
	err := w.Read(p, func() error {
		list, err := ReadPiece(ctx, w.Contents, p.ID, parse)
		if err != nil {
			return err
		}
		return follow(list)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", p.Kind, p.ID, err)
	}
	return nil
}
