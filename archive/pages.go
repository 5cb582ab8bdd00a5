package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Pages yields the page rows of a mailbox, ascending.
func (c *Contents) Pages(ctx context.Context, mailbox *manifest.Mailbox) iter.Seq2[manifest.Page, error] {
	return func(yield func(manifest.Page, error) bool) {
		for _, page := range mailbox.Pages {
			if !yield(page, nil) {
				return
			}
		}
		n := 0
		each := func(id chunk.ID) []chunk.ID { return []chunk.ID{id} }
		for id, err := range PiecesAhead(ctx, c.chunks, c.Lists(ctx, mailbox), each) {
			n++
			var pages []manifest.Page
			if err == nil {
				if pages, err = ReadPiece(ctx, c, id, manifest.ParsePageList); err != nil {
					err = fmt.Errorf("mailbox %q: page list %d: %w", mailbox.Name, n, err)
				}
			}
			if err != nil && !yield(manifest.Page{}, err) {
				return
			}
			for _, page := range pages {
				if !yield(page, nil) {
					return
				}
			}
		}
	}
}

// Lists yields the IDs of all page lists of a mailbox, those in groups included. A group that
// cannot be read is an error.
func (c *Contents) Lists(ctx context.Context, mailbox *manifest.Mailbox) iter.Seq2[chunk.ID, error] {
	return func(yield func(chunk.ID, error) bool) {
		for _, id := range mailbox.Lists {
			if !yield(id, nil) {
				return
			}
		}
		n := 0
		for id := range c.pieces(ctx, mailbox.Groups) {
			n++
			lists, err := ReadPiece(ctx, c, id, manifest.ParseListGroup)
			if err != nil {
				err = fmt.Errorf("mailbox %q: list group %d of %d: %w", mailbox.Name, n, len(mailbox.Groups), err)
				if !yield(chunk.ID{}, err) {
					return
				}
			}
			for _, id := range lists {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// Ahead yields the pages. Before, it fetches the chunks of several at once.
func (c *Contents) Ahead(ctx context.Context, rows iter.Seq2[manifest.Page, error]) iter.Seq2[manifest.Page, error] {
	return NewLookahead(c.chunks, nil, true).Pages(ctx, rows)
}

// pieces yields the ids of tables, groups or lists. Before, it fetches several at once.
func (c *Contents) pieces(ctx context.Context, ids []chunk.ID) iter.Seq2[chunk.ID, error] {
	return PiecesAhead(ctx, c.chunks, inorder.Slice(ids), func(id chunk.ID) []chunk.ID { return []chunk.ID{id} })
}

// Entries yields the entries of a mailbox, ascending by UID. If flags cannot be read, it yields an
// error that wraps ErrFlags and then the entries without flags.
func (c *Contents) Entries(ctx context.Context, mailbox *manifest.Mailbox) iter.Seq2[*manifest.Entry, error] {
	return c.EntriesIn(ctx, mailbox, c.Pages(ctx, mailbox))
}

// EntriesIn yields the entries of some pages of the mailbox, as Entries does.
func (c *Contents) EntriesIn(
	ctx context.Context, mailbox *manifest.Mailbox, rows iter.Seq2[manifest.Page, error],
) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		for page, err := range c.Ahead(ctx, rows) {
			var entries []manifest.Entry
			if err == nil {
				entries, err = c.Page(ctx, mailbox, page)
			}
			if err != nil && !yield(nil, err) {
				return
			}
			for i := range entries {
				if !yield(&entries[i], nil) {
					return
				}
			}
		}
	}
}

// EntriesAt yields the entries of some messages, ascending by UID. It does not read pages that have
// none of them.
func (c *Contents) EntriesAt(
	ctx context.Context, mailbox *manifest.Mailbox, uids mail.UIDSet,
) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		if uids.Len() == 0 {
			return
		}
		for entry, err := range c.EntriesIn(ctx, mailbox, PagesAt(c.Pages(ctx, mailbox), uids)) {
			if err == nil && !uids.Contains(entry.UID) {
				continue
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// PagesAt yields the pages that may have some of the messages.
func PagesAt(pages iter.Seq2[manifest.Page, error], uids mail.UIDSet) iter.Seq2[manifest.Page, error] {
	ranges := slices.Collect(uids.Ranges())
	return func(yield func(manifest.Page, error) bool) {
		left := ranges
		for page, err := range pages {
			first, last := page.Range()
			for err == nil && len(left) > 0 && uint64(left[0].Last) < first {
				left = left[1:]
			}
			if err == nil && (len(left) == 0 || uint64(left[0].First) > last) {
				continue
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// ErrFlags reports that the flags of a page of messages cannot be read, though the messages can.
var ErrFlags = errors.New("flags cannot be read")

// Page reads a page. If only its flags cannot be read, it returns the entries without flags and an
// error that wraps ErrFlags.
func (c *Contents) Page(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) ([]manifest.Entry, error) {
	entries, err := c.PageWithoutFlags(ctx, mailbox, page)
	if err != nil {
		return nil, err
	}
	sets, err := ReadPiece(ctx, c, page.Flags, manifest.ParseFlags)
	if err == nil && len(sets) != len(entries) {
		err = fmt.Errorf("%w: flags of %d messages for %d records", manifest.ErrMalformed, len(sets), len(entries))
	}
	if err != nil {
		return entries, fmt.Errorf("mailbox %q, %s: %w: flag page %s: %w",
			mailbox.Name, page, ErrFlags, page.Flags, err)
	}
	for i := range sets {
		entries[i].FlagSet = sets[i]
	}
	return entries, nil
}

// PageWithoutFlags reads a page, but not its flags, which are another chunk.
func (c *Contents) PageWithoutFlags(
	ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page,
) ([]manifest.Entry, error) {
	records, err := c.Records(ctx, page)
	if err != nil {
		return nil, fmt.Errorf("mailbox %q, %s: record page %s: %w", mailbox.Name, page, page.Records, err)
	}
	entries := make([]manifest.Entry, len(records))
	for i := range records {
		entries[i].Record = records[i]
	}
	return entries, nil
}

// Records reads a record page and checks that it agrees with its row.
func (c *Contents) Records(ctx context.Context, page manifest.Page) ([]manifest.Record, error) {
	return page.LoadRecords(c.Load(ctx))
}

// Entry returns the entry of one message of a mailbox.
func (c *Contents) Entry(ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID) (*manifest.Entry, error) {
	var unread error
	for page, err := range c.Pages(ctx, mailbox) {
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		if first, last := page.Range(); uint64(uid) < first || uint64(uid) > last {
			continue
		}
		entries, err := c.Page(ctx, mailbox, page)
		if err != nil && !errors.Is(err, ErrFlags) {
			return nil, err
		}
		for i := range entries {
			if entries[i].UID == uid {
				return &entries[i], nil
			}
		}
	}
	if unread != nil {
		return nil, fmt.Errorf("mailbox %q: UID %d is not among those that can be read: %w", mailbox.Name, uid, unread)
	}
	return nil, fmt.Errorf("mailbox %q: %w with UID %d", mailbox.Name, ErrNoMessage, uid)
}

// ErrNoMessage reports that a mailbox does not have a message.
var ErrNoMessage = errors.New("no message")

// ReadPiece reads and parses a piece of a manifest: a table, a list, a page or its flags.
func ReadPiece[T any](ctx context.Context, c *Contents, id chunk.ID, parse func([]byte) ([]T, error)) ([]T, error) {
	return readPiece(ctx, c.chunks, id, parse)
}

func readPiece[T any](
	ctx context.Context, chunks ChunkReader, id chunk.ID, parse func([]byte) ([]T, error),
) ([]T, error) {
	data, err := chunks.Chunk(ctx, id)
	if err != nil {
		return nil, err
	}
	return parse(data)
}
