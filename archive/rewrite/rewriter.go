package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Rewriter says a manifest again: in the chunks of another repository, for a copy, or without what cannot be had any more,
// for a repair. Mailbox by mailbox and page by page, each record goes through keep; what keep cannot have is left out, and
// named among the failures.
//
// Pages of which the counterpart is known, from the manifest that was recast before, are not read at all: a night costs what
// changed in it.
type Rewriter struct {
	From *archive.Contents
	To   interface { // reads the repository that is written to
		Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
	}
	Writer   *repo.Writer
	Store    func(ctx context.Context, record *manifest.Record) (archive.Stored, error)
	Progress func(manifest.Record) // after each message that keep was asked for

	SourceErased *statement.Erasures      // of the source
	TargetErased *statement.Erasures      // of the target; keep may also return repo.ErrErased
	Keeps        func(manifest.Page) bool // whether a page is kept as it is, unread; nil: none is

	Before *PageMap // nil: nothing is known
	After  *PageMap // of this manifest, for the next
	Lost   []manifest.Failure

	progress func(manifest.Record)
	omitted
}

// Rewrite recasts the whole manifest. Deadline, parent and origin are the caller's to set.
func (c *Rewriter) Rewrite(ctx context.Context) (*manifest.Manifest, error) {
	c.progress = oneAtATime(c.Progress)
	if c.Before == nil {
		c.Before = newPageMap()
	}
	c.After = newPageMap()
	var mailboxes []manifest.Mailbox
	for mailbox, err := range c.From.Mailboxes(ctx) {
		if err != nil {
			if err := c.recordLoss(ctx, manifest.Failure{}, err); err != nil {
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
	m := *c.From.Manifest
	m.Failures = slices.Clone(m.Failures)
	for _, failure := range c.Lost {
		m.AddFailure(failure)
		m.Consistent = false
	}
	return &m, m.SetMailboxes(mailboxes, c.put(ctx))
}

// recordLoss takes down what cannot be had. It returns an error that is not about one piece of the archive.
func (c *Rewriter) recordLoss(ctx context.Context, failure manifest.Failure, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	failure.Reason = err.Error()
	c.Lost = append(c.Lost, failure)
	return nil
}

func (c *Rewriter) mailbox(ctx context.Context, mailbox *manifest.Mailbox) (*manifest.Mailbox, error) {
	recast, before := *mailbox, len(c.Lost)
	c.omitted.begin()
	made, err := c.pages(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	pages := make([]manifest.Page, len(made))
	for i := range made {
		pages[i] = made[i].new
	}
	recast.Erased = mailbox.Erased.Union(c.uids)
	switch {
	case len(c.Lost) > before:
		pages, err = c.regroup(ctx, &recast, pages)
	case c.uids.Len() > 0:
		pages, err = c.regroupErased(ctx, &recast, pages)
	default:
		err = recast.SetPages(pages, c.put(ctx))
	}
	final := make(map[manifest.Page]bool, len(pages))
	for _, page := range pages {
		final[page] = true
	}
	for _, pair := range made {
		if final[pair.new] { // else nothing names it, and nothing keeps it
			c.After.add(mailbox.Raw, pair)
		}
	}
	return &recast, err
}

// pages recasts the pages of a mailbox.
func (c *Rewriter) pages(ctx context.Context, mailbox *manifest.Mailbox) (made []pagePair, err error) {
	for page, err := range c.From.Pages(ctx, mailbox) {
		if err != nil {
			if err := c.recordLoss(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
				return nil, err
			}
			continue
		}
		before := len(c.Lost)
		recast, err := c.page(ctx, mailbox, page)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", page, err)
		}
		if recast.Messages > 0 {
			made = append(made, pagePair{page, recast, len(c.Lost) == before})
		}
	}
	return made, nil
}

// regroup makes the pages of a mailbox that has lost messages the right ones for those that are left.
func (c *Rewriter) regroup(ctx context.Context, recast *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	if err := c.Writer.Flush(ctx); err != nil { // the pages are about to be read
		return nil, err
	}
	load := func(id chunk.ID) ([]byte, error) { return c.To.Chunk(ctx, id) }
	pages, err := manifest.Regroup(pages, load, c.put(ctx))
	if err := errors.Join(err, c.Writer.Flush(ctx)); err != nil {
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
func (c *Rewriter) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := c.Writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}

// page recasts a page. Without Messages, there is nothing left of it.
func (c *Rewriter) page(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	known, same := c.Before.page(page)
	switch {
	case c.Keeps != nil && c.Keeps(page):
		return page, nil
	case !same:
		return c.records(ctx, mailbox, page)
	case !known.Flags.IsZero():
		return known, nil
	}
	sets, err := archive.ReadPiece(ctx, c.From, page.Flags, manifest.ParseFlags)
	if err != nil || len(sets) != int(page.Messages) {
		err = fmt.Errorf("%s: %w: %w", page, archive.ErrFlags, cmp.Or(err, manifest.ErrMalformed))
		if err := c.recordLoss(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
		sets = make([]manifest.FlagSet, page.Messages)
	}
	known.Flags, err = c.putFlags(ctx, sets)
	return known, err
}

// records recasts a page of which the records are not known yet.
func (c *Rewriter) records(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	entries, err := c.From.Page(ctx, mailbox, page)
	if err != nil { // there may be entries all the same, without their flags
		if err := c.recordLoss(ctx, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
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

func (c *Rewriter) putFlags(ctx context.Context, sets []manifest.FlagSet) (chunk.ID, error) {
	data, err := manifest.EncodeFlags(sets)
	if err != nil {
		return chunk.ID{}, err
	}
	return c.put(ctx)(data)
}

// recastAtOnce bounds the messages whose frames are fetched together.
const recastAtOnce = 64

// entries recasts the messages of a page, and leaves out those that cannot be had.
func (c *Rewriter) entries(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page, entries []manifest.Entry) ([]manifest.Entry, error) {
	earlier, err := c.earlierCopies(ctx, mailbox, page)
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
			c.omit(&entry.Record)
		} else if failed[i] == nil {
			left = append(left, entry)
		} else if err := c.recordLoss(ctx, manifest.Failure{Mailbox: mailbox.Raw, UID: entry.UID}, failed[i]); err != nil {
			return nil, fmt.Errorf("UID %d: %w", entry.UID, err)
		}
	}
	return left, nil
}

// entry recasts one message.
func (c *Rewriter) entry(ctx context.Context, entry *manifest.Entry, earlier map[chunk.ID]*manifest.Record) error {
	message := entry.Record
	old, ok := earlier[message.Hash]
	if c.isErased(message.Hash, old) {
		return repo.ErrErased
	}
	if ok {
		archive.StoredIn(old).SetIn(&entry.Record)
		return nil
	}
	filed, err := c.Store(ctx, &message)
	if err != nil {
		return err
	}
	filed.SetIn(&entry.Record)
	c.progress(message)
	return nil
}

// prefetch has the frames of messages fetched together.
func (c *Rewriter) prefetch(ctx context.Context, entries []manifest.Entry, earlier map[chunk.ID]*manifest.Record) {
	var ids []chunk.ID
	for i := range entries {
		if _, ok := earlier[entries[i].Hash]; ok {
			continue
		}
		for _, part := range entries[i].Parts {
			ids = append(ids, part.Chunks...)
		}
	}
	c.From.PrefetchChunks(ctx, ids)
}

// earlierCopies is what was made of the messages in the range of a page in the manifest before, by their hashes in the old
// repository: a page that grew by one message is not copied anew.
func (c *Rewriter) earlierCopies(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (map[chunk.ID]*manifest.Record, error) {
	known := make(map[chunk.ID]*manifest.Record)
	for _, pair := range c.Before.overlapping(mailbox.Raw, page) {
		old, err := archive.ReadPiece(ctx, c.From, pair.old.Records, manifest.ParseRecords)
		if err != nil {
			if !archive.IsDamage(err) {
				return nil, err
			}
			continue // its messages are read one by one
		}
		data, err := c.To.Chunk(ctx, pair.new.Records)
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

// ErrNothingReadable: a copy or a repair found no message that can be read, and wrote no manifest.
var ErrNothingReadable = errors.New("no message of it can be read, so no manifest was written")

// NothingReadable reports whether a manifest with messages was recast into one without any, because none could be read.
func (c *Rewriter) NothingReadable(made *manifest.Manifest) bool {
	return len(c.Lost) > 0 && made.Totals.Messages == 0 && c.From.Manifest.Totals.Messages > 0
}
