package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// recasting says a manifest again: in the chunks of another repository, for a copy, or without what cannot be had any more,
// for a repair. Mailbox by mailbox and page by page, each record goes through keep; what keep cannot have is left out, and
// named among the failures.
//
// Pages of which the counterpart is known, from the manifest that was recast before, are not read at all: a night costs what
// changed in it.
type recasting struct {
	from   *Contents
	to     ChunkReader // the repository that is written to
	writer *repo.Writer
	keep   func(ctx context.Context, record *manifest.Record) (Filed, error)
	tell   func(manifest.Record) // after each message that keep was asked for

	before *counterparts // nil: nothing is known
	made   *counterparts // of this manifest, for the next
	lost   []manifest.Failure
	erasing
}

// manifest recasts the whole manifest. Deadline, parent and origin are the caller's to set.
func (c *recasting) manifest(ctx context.Context) (*manifest.Manifest, error) {
	if c.before == nil {
		c.before = newCounterparts()
	}
	c.made = newCounterparts()
	var mailboxes []manifest.Mailbox
	for mailbox, err := range c.from.Mailboxes(ctx) {
		if err != nil {
			if err := c.lose(ctx, manifest.Failure{}, err); err != nil {
				return nil, err
			}
			continue
		}
		recast, err := c.mailbox(ctx, mailbox)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mailbox.Name, err)
		}
		mailboxes = append(mailboxes, *recast)
	}
	m := *c.from.Manifest
	m.Failures = slices.Clone(m.Failures)
	for _, failure := range c.lost {
		m.AddFailure(failure)
		m.Consistent = false
	}
	return &m, m.SetMailboxes(mailboxes, c.put(ctx))
}

// lose takes down what cannot be had. It returns an error that is not about one piece of the archive.
func (c *recasting) lose(ctx context.Context, failure manifest.Failure, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !IsDamage(err) {
		return err
	}
	failure.Reason = err.Error()
	c.lost = append(c.lost, failure)
	return nil
}

func (c *recasting) mailbox(ctx context.Context, mailbox *manifest.Mailbox) (*manifest.Mailbox, error) {
	recast, before := *mailbox, len(c.lost)
	c.erasing.begin()
	made, err := c.pages(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	pages := make([]manifest.Page, len(made))
	for i := range made {
		pages[i] = made[i].new
	}
	recast.Erased = mailbox.Erased.Union(c.left)
	switch {
	case len(c.lost) > before:
		pages, err = c.regroup(ctx, &recast, pages)
	case c.left.Len() > 0:
		pages, err = c.closeUp(ctx, &recast, pages)
	default:
		err = recast.SetPages(pages, c.put(ctx))
	}
	final := make(map[manifest.Page]bool, len(pages))
	for _, page := range pages {
		final[page] = true
	}
	for _, pair := range made {
		if final[pair.new] { // else nothing names it, and nothing keeps it
			c.made.add(mailbox.Raw, pair)
		}
	}
	return &recast, err
}

// pages recasts the pages of a mailbox.
func (c *recasting) pages(ctx context.Context, mailbox *manifest.Mailbox) (made []counterpart, err error) {
	for page, err := range c.from.Pages(ctx, mailbox) {
		if err != nil {
			if err := c.lose(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
				return nil, err
			}
			continue
		}
		before := len(c.lost)
		recast, err := c.page(ctx, mailbox, page)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", page, err)
		}
		if recast.Messages > 0 {
			made = append(made, counterpart{page, recast, len(c.lost) == before})
		}
	}
	return made, nil
}

// regroup makes the pages of a mailbox that has lost messages the right ones for those that are left.
func (c *recasting) regroup(ctx context.Context, recast *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	if err := c.writer.Flush(ctx); err != nil { // the pages are about to be read
		return nil, err
	}
	load := func(id chunk.ID) ([]byte, error) { return c.to.Chunk(ctx, id) }
	pages, err := manifest.Regroup(pages, load, c.put(ctx))
	if err := errors.Join(err, c.writer.Flush(ctx)); err != nil {
		return nil, err
	}
	if err := recast.SetPages(pages, c.put(ctx)); err != nil {
		return nil, err
	}
	recast.Complete, recast.Bytes = false, 0
	for _, page := range pages {
		entries, err := page.Entries(load)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			recast.Bytes += entries[i].Size
		}
	}
	return pages, nil
}

// put keeps a chunk of the catalog.
func (c *recasting) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := c.writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}

// page recasts a page. Without Messages, there is nothing left of it.
func (c *recasting) page(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	known, same := c.before.page(page)
	switch {
	case c.stands != nil && c.stands(page):
		return page, nil
	case !same:
		return c.records(ctx, mailbox, page)
	case !known.Flags.IsZero():
		return known, nil
	}
	sets, err := parsed(ctx, c.from, page.Flags, manifest.ParseFlags)
	if err != nil || len(sets) != int(page.Messages) {
		err = fmt.Errorf("%s: %w: %w", page, ErrFlags, cmp.Or(err, manifest.ErrMalformed))
		if err := c.lose(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
		sets = make([]manifest.FlagSet, page.Messages)
	}
	known.Flags, err = c.putFlags(ctx, sets)
	return known, err
}

// records recasts a page of which the records are not known yet.
func (c *recasting) records(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	entries, err := c.from.Page(ctx, mailbox, page)
	if err != nil { // there may be entries all the same, without their flags
		if err := c.lose(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
	}
	entries, err = c.entries(ctx, mailbox, page, entries)
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
	recast := manifest.Page{Start: page.Start, Bits: page.Bits, Messages: uint32(len(entries))}
	put := c.put(ctx)
	if recast.Messages < page.Messages {
		put = c.remember(put)
	}
	if recast.Records, err = put(data); err != nil {
		return manifest.Page{}, err
	}
	if data, err = manifest.EncodeFlags(sets); err != nil {
		return manifest.Page{}, err
	}
	recast.Flags, err = put(data)
	return recast, err
}

func (c *recasting) putFlags(ctx context.Context, sets []manifest.FlagSet) (chunk.ID, error) {
	data, err := manifest.EncodeFlags(sets)
	if err != nil {
		return chunk.ID{}, err
	}
	return c.put(ctx)(data)
}

// recastAtOnce bounds the messages whose frames are fetched together.
const recastAtOnce = 64

// entries recasts the messages of a page, and leaves out those that cannot be had.
func (c *recasting) entries(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page, entries []manifest.Entry) ([]manifest.Entry, error) {
	earlier, err := c.earlier(ctx, mailbox, page)
	if err != nil {
		return nil, err
	}
	failed := make([]error, len(entries))
	for first := 0; first < len(entries); first += recastAtOnce {
		some := entries[first:min(first+recastAtOnce, len(entries))]
		c.prefetch(ctx, some, earlier)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range some {
			group.Go(func() error {
				failed[first+i] = c.entry(ctx, &some[i], earlier)
				return nil
			})
		}
		group.Wait()
	}
	left := entries[:0]
	for i, entry := range entries {
		if errors.Is(failed[i], repo.ErrErased) {
			c.leaveOut(&entry.Record)
		} else if failed[i] == nil {
			left = append(left, entry)
		} else if err := c.lose(ctx, manifest.Failure{Mailbox: mailbox.Raw, UID: entry.UID}, failed[i]); err != nil {
			return nil, fmt.Errorf("UID %d: %w", entry.UID, err)
		}
	}
	return left, nil
}

// entry recasts one message.
func (c *recasting) entry(ctx context.Context, entry *manifest.Entry, earlier map[chunk.ID]*manifest.Record) error {
	message := entry.Record
	old, ok := earlier[message.Hash]
	if c.isErased(message.Hash, old) {
		return repo.ErrErased
	}
	if ok {
		entry.Hash, entry.Parts, entry.List, entry.Probe, entry.Opening = old.Hash, old.Parts, old.List, old.Probe, old.Opening
		return nil
	}
	filed, err := c.keep(ctx, &message)
	if err != nil {
		return err
	}
	entry.Hash, entry.Parts, entry.List, entry.Probe, entry.Opening = filed.Hash, filed.Parts, filed.List, filed.Probe, filed.Opening
	c.tell(message)
	return nil
}

// prefetch has the frames of messages fetched together.
func (c *recasting) prefetch(ctx context.Context, entries []manifest.Entry, earlier map[chunk.ID]*manifest.Record) {
	var ids []chunk.ID
	for i := range entries {
		if _, ok := earlier[entries[i].Hash]; ok {
			continue
		}
		for _, part := range entries[i].Parts {
			ids = append(ids, part.Chunks...)
		}
	}
	c.from.prefetchChunks(ctx, ids)
}

// earlier is what was made of the messages in the range of a page in the manifest before, by their hashes in the old
// repository: a page that grew by one message is not copied anew.
func (c *recasting) earlier(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (map[chunk.ID]*manifest.Record, error) {
	known := make(map[chunk.ID]*manifest.Record)
	for _, pair := range c.before.overlapping(mailbox.Raw, page) {
		old, err := parsed(ctx, c.from, pair.old.Records, manifest.ParseRecords)
		if err != nil {
			if !IsDamage(err) {
				return nil, err
			}
			continue // its messages are read one by one
		}
		data, err := c.to.Chunk(ctx, pair.new.Records)
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

// oneAtATime lets a function that is told of messages be called from several goroutines. It may be nil.
func oneAtATime(tell func(manifest.Record)) func(manifest.Record) {
	if tell == nil {
		return func(manifest.Record) {}
	}
	var mu sync.Mutex
	return func(record manifest.Record) {
		mu.Lock()
		defer mu.Unlock()
		tell(record)
	}
}
