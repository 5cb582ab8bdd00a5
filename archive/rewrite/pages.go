package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// pages rewrites the pages of a mailbox.
func (r *Rewriter) pages(ctx context.Context, mailbox *manifest.Mailbox) (made []pagePair, err error) {
	for page, err := range r.From.Pages(ctx, mailbox) {
		if err != nil {
			if err := recordLoss(ctx, &r.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
				return nil, err
			}
			continue
		}
		before := len(r.Lost)
		rewritten, err := r.page(ctx, mailbox, page)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", page, err)
		}
		if rewritten.Messages > 0 {
			made = append(made, pagePair{page, rewritten, len(r.Lost) == before})
		}
	}
	return made, nil
}

// regroup makes the canonical pages for the messages that are left of a mailbox that lost some.
func (r *Rewriter) regroup(
	ctx context.Context, rewritten *manifest.Mailbox, pages []manifest.Page,
) ([]manifest.Page, error) {
	if err := r.Writer.Flush(ctx); err != nil { // the pages are about to be read
		return nil, err
	}
	load := func(id chunk.ID) ([]byte, error) { return r.To.Chunk(ctx, id) }
	pages, err := manifest.Regroup(pages, load, r.put(ctx))
	if err := errors.Join(err, r.Writer.Flush(ctx)); err != nil {
		return nil, err
	}
	if err := rewritten.SetPages(pages, r.put(ctx)); err != nil {
		return nil, err
	}
	rewritten.Complete, rewritten.Bytes = false, 0
	for _, page := range pages {
		entries, err := page.Entries(load)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			rewritten.Bytes += entries[i].Size
		}
	}
	return pages, nil
}

// page rewrites a page. The result has no Messages if nothing is left of it.
func (r *Rewriter) page(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	known, same := r.Before.page(page)
	switch {
	case r.Keeps != nil && r.Keeps(page):
		return page, nil
	case !same:
		return r.records(ctx, mailbox, page)
	case !known.Flags.IsZero():
		return known, nil
	}
	sets, err := archive.ReadPiece(ctx, r.From, page.Flags, manifest.ParseFlags)
	if err != nil || len(sets) != int(page.Messages) {
		err = fmt.Errorf("%s: %w: %w", page, archive.ErrFlags, cmp.Or(err, manifest.ErrMalformed))
		if err := recordLoss(ctx, &r.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
		sets = make([]manifest.FlagSet, page.Messages)
	}
	known.Flags, err = r.putFlags(ctx, sets)
	return known, err
}

// records rewrites a page that Before does not have.
func (r *Rewriter) records(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	entries, err := r.From.Page(ctx, mailbox, page)
	if err != nil { // there may be entries without flags
		if err := recordLoss(ctx, &r.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
	}
	entries, err = r.entries(ctx, mailbox, page, entries)
	if err != nil || len(entries) == 0 {
		return manifest.Page{}, err
	}
	records, sets := make([]manifest.Record, len(entries)), make([]manifest.FlagSet, len(entries))
	for i := range entries {
		records[i], sets[i] = entries[i].Record, entries[i].FlagSet
	}
	data, err := manifest.EncodeRecords(records)
	if err != nil {
		return manifest.Page{}, err
	}
	rewritten := manifest.Page{Start: page.Start, Bits: page.Bits, Messages: uint32(len(entries))}
	put := r.put(ctx)
	if rewritten.Messages < page.Messages {
		put = r.remember(put)
	}
	if rewritten.Records, err = put(data); err != nil {
		return manifest.Page{}, err
	}
	if data, err = manifest.EncodeFlags(sets); err != nil {
		return manifest.Page{}, err
	}
	rewritten.Flags, err = put(data)
	return rewritten, err
}

func (r *Rewriter) putFlags(ctx context.Context, sets []manifest.FlagSet) (chunk.ID, error) {
	data, err := manifest.EncodeFlags(sets)
	if err != nil {
		return chunk.ID{}, err
	}
	return r.put(ctx)(data)
}

// messagesAtOnce bounds the messages whose frames are fetched together.
const messagesAtOnce = 64

// entries rewrites the messages of a page. It leaves out those that cannot be read or were erased.
func (r *Rewriter) entries(
	ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page, entries []manifest.Entry,
) ([]manifest.Entry, error) {
	earlier, err := r.earlierCopies(ctx, mailbox, page)
	if err != nil {
		return nil, err
	}
	failed := make([]error, len(entries))
	for first := 0; first < len(entries); first += messagesAtOnce {
		some := entries[first:min(first+messagesAtOnce, len(entries))]
		r.prefetch(ctx, some, earlier)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range some {
			group.Go(func() error {
				failed[first+i] = r.entry(ctx, &some[i], earlier)
				return nil
			})
		}
		group.Wait()
	}
	left := entries[:0]
	for i, entry := range entries {
		if errors.Is(failed[i], repo.ErrErased) {
			r.omit(&entry.Record)
		} else if failed[i] == nil {
			left = append(left, entry)
		} else if err := recordLoss(ctx, &r.Lost, manifest.Failure{Mailbox: mailbox.Raw, UID: entry.UID}, failed[i]); err != nil {
			return nil, fmt.Errorf("UID %d: %w", entry.UID, err)
		}
	}
	return left, nil
}

// entry rewrites one message.
func (r *Rewriter) entry(ctx context.Context, entry *manifest.Entry, earlier map[chunk.ID]*manifest.Record) error {
	message := entry.Record
	old, ok := earlier[message.Hash]
	if r.isErased(message.Hash, old) {
		return repo.ErrErased
	}
	if ok {
		ingest.StoredIn(old).SetIn(&entry.Record)
		return nil
	}
	filed, err := r.Store(ctx, &message)
	if err != nil {
		return err
	}
	filed.SetIn(&entry.Record)
	r.progress(message)
	return nil
}

// prefetch fetches the frames of messages together.
func (r *Rewriter) prefetch(ctx context.Context, entries []manifest.Entry, earlier map[chunk.ID]*manifest.Record) {
	var ids []chunk.ID
	for i := range entries {
		if _, ok := earlier[entries[i].Hash]; ok {
			continue
		}
		for _, part := range entries[i].Parts {
			ids = append(ids, part.Chunks...)
		}
	}
	r.From.PrefetchChunks(ctx, ids)
}

// earlierCopies returns the records that were made of messages in the range of a page, in the
// manifest before, by their hashes in the old repository. So a page that grew by one message costs
// one message.
func (r *Rewriter) earlierCopies(
	ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page,
) (map[chunk.ID]*manifest.Record, error) {
	known := make(map[chunk.ID]*manifest.Record)
	for _, pair := range r.Before.overlapping(mailbox.Raw, page) {
		old, err := archive.ReadPiece(ctx, r.From, pair.old.Records, manifest.ParseRecords)
		if err != nil {
			if !archive.IsDamage(err) {
				return nil, err
			}
			continue // its messages are read one by one
		}
		data, err := r.To.Chunk(ctx, pair.new.Records)
		if err != nil {
			return nil, err
		}
		made, err := manifest.ParseRecords(data)
		if err != nil {
			return nil, err
		}
		byUID := make(map[mail.UID]*manifest.Record, len(made))
		for i := range made {
			byUID[made[i].UID] = &made[i]
		}
		for i := range old {
			if same := byUID[old[i].UID]; same != nil && same.Size == old[i].Size {
				known[old[i].Hash] = same
			}
		}
	}
	return known, nil
}
