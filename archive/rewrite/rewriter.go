package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Rewriter writes a manifest again, page by page: to another repository for a copy, or without what cannot be read for a
// repair. It passes each record to Store. What Store cannot store it leaves out, and names among the failures.
//
// It does not read the pages that Before has, from the manifest that was rewritten before, so a night costs what changed in it.
type Rewriter struct {
	From *archive.Contents
	To   interface { // reads the repository that is written to
		Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
	}
	Writer *repo.Writer
	Store  func(ctx context.Context, record *manifest.Record) (ingest.Stored, error)

	// StoreItem stores the content of a script, an event or a contact.
	StoreItem func(ctx context.Context, item *manifest.Item) (manifest.Item, error)

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

// Rewrite writes everything but the manifest itself, and returns that. The caller sets its deadline, parent and origin.
func (w *Rewriter) Rewrite(ctx context.Context) (*manifest.Manifest, error) {
	w.progress = oneAtATime(w.Progress)
	if w.Before == nil {
		w.Before = newPageMap()
	}
	w.After = newPageMap()
	var mailboxes []manifest.Mailbox
	for mailbox, err := range w.From.Mailboxes(ctx) {
		if err != nil {
			if err := recordLoss(ctx, &w.Lost, manifest.Failure{}, err); err != nil {
				return nil, err
			}
			continue
		}
		rewritten, err := w.mailbox(ctx, mailbox)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mailbox.Name, err)
		}
		mailboxes = append(mailboxes, *rewritten)
	}
	m := *w.From.Manifest
	if err := w.server(ctx, &m); err != nil {
		return nil, err
	}
	if err := w.properties(ctx, &m); err != nil {
		return nil, err
	}
	if err := w.items(ctx, &m); err != nil {
		return nil, err
	}
	m.Failures = slices.Clone(m.Failures)
	for _, failure := range w.Lost {
		m.AddFailure(failure)
		m.Consistent = false
	}
	return &m, m.SetMailboxes(mailboxes, w.put(ctx))
}

// server stores again what the server said about itself.
func (w *Rewriter) server(ctx context.Context, m *manifest.Manifest) error {
	if m.ServerPart.IsZero() {
		return nil
	}
	server, err := w.From.Server(ctx)
	m.ServerPart, m.Server = chunk.ID{}, server
	if err != nil {
		return recordLoss(ctx, &w.Lost, manifest.Failure{}, err)
	}
	return m.SetServerPart(w.put(ctx))
}

// properties stores the access rights and annotations again, up to the first page that cannot be read. After a loss the time of them is long
// ago, so that the next run asks the server again.
func (w *Rewriter) properties(ctx context.Context, m *manifest.Manifest) error {
	if len(m.Properties) == 0 {
		return nil
	}
	list, err := w.From.Properties(ctx)
	asked := m.PropertiesAsked
	if err != nil {
		if err := recordLoss(ctx, &w.Lost, manifest.Failure{}, err); err != nil {
			return err
		}
		asked = neverAsked
	}
	return m.SetProperties(list, asked, w.put(ctx))
}

// neverAsked is a time so long ago that a run asks again.
var neverAsked = time.Unix(1, 0).UTC()

// recordLoss adds what cannot be read to lost. It returns an error that is not about one piece of the archive.
func recordLoss(ctx context.Context, lost *[]manifest.Failure, failure manifest.Failure, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	failure.Reason = err.Error()
	*lost = append(*lost, failure)
	return nil
}

func (w *Rewriter) mailbox(ctx context.Context, mailbox *manifest.Mailbox) (*manifest.Mailbox, error) {
	rewritten, before := *mailbox, len(w.Lost)
	w.omitted.begin()
	made, err := w.pages(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	pages := make([]manifest.Page, len(made))
	for i := range made {
		pages[i] = made[i].new
	}
	rewritten.Erased = mailbox.Erased.Union(w.uids)
	switch {
	case len(w.Lost) > before:
		pages, err = w.regroup(ctx, &rewritten, pages)
	case w.uids.Len() > 0:
		pages, err = w.regroupErased(ctx, &rewritten, pages)
	default:
		err = rewritten.SetPages(pages, w.put(ctx))
	}
	final := make(map[manifest.Page]bool, len(pages))
	for _, page := range pages {
		final[page] = true
	}
	for _, pair := range made {
		if final[pair.new] { // a page that nothing refers to may be removed
			w.After.add(mailbox.Raw, pair)
		}
	}
	return &rewritten, err
}

// pages rewrites the pages of a mailbox.
func (w *Rewriter) pages(ctx context.Context, mailbox *manifest.Mailbox) (made []pagePair, err error) {
	for page, err := range w.From.Pages(ctx, mailbox) {
		if err != nil {
			if err := recordLoss(ctx, &w.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
				return nil, err
			}
			continue
		}
		before := len(w.Lost)
		rewritten, err := w.page(ctx, mailbox, page)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", page, err)
		}
		if rewritten.Messages > 0 {
			made = append(made, pagePair{page, rewritten, len(w.Lost) == before})
		}
	}
	return made, nil
}

// regroup makes the canonical pages for the messages that are left of a mailbox that lost some.
func (w *Rewriter) regroup(ctx context.Context, rewritten *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	if err := w.Writer.Flush(ctx); err != nil { // the pages are about to be read
		return nil, err
	}
	load := func(id chunk.ID) ([]byte, error) { return w.To.Chunk(ctx, id) }
	pages, err := manifest.Regroup(pages, load, w.put(ctx))
	if err := errors.Join(err, w.Writer.Flush(ctx)); err != nil {
		return nil, err
	}
	if err := rewritten.SetPages(pages, w.put(ctx)); err != nil {
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

// put returns a function that stores a piece of the manifest.
func (w *Rewriter) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := w.Writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}

// page rewrites a page. The result has no Messages if nothing is left of it.
func (w *Rewriter) page(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	known, same := w.Before.page(page)
	switch {
	case w.Keeps != nil && w.Keeps(page):
		return page, nil
	case !same:
		return w.records(ctx, mailbox, page)
	case !known.Flags.IsZero():
		return known, nil
	}
	sets, err := archive.ReadPiece(ctx, w.From, page.Flags, manifest.ParseFlags)
	if err != nil || len(sets) != int(page.Messages) {
		err = fmt.Errorf("%s: %w: %w", page, archive.ErrFlags, cmp.Or(err, manifest.ErrMalformed))
		if err := recordLoss(ctx, &w.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
		sets = make([]manifest.FlagSet, page.Messages)
	}
	known.Flags, err = w.putFlags(ctx, sets)
	return known, err
}

// records rewrites a page that Before does not have.
func (w *Rewriter) records(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (manifest.Page, error) {
	entries, err := w.From.Page(ctx, mailbox, page)
	if err != nil { // there may be entries without flags
		if err := recordLoss(ctx, &w.Lost, manifest.Failure{Mailbox: mailbox.Raw}, err); err != nil {
			return manifest.Page{}, err
		}
	}
	entries, err = w.entries(ctx, mailbox, page, entries)
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
	put := w.put(ctx)
	if rewritten.Messages < page.Messages {
		put = w.remember(put)
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

func (w *Rewriter) putFlags(ctx context.Context, sets []manifest.FlagSet) (chunk.ID, error) {
	data, err := manifest.EncodeFlags(sets)
	if err != nil {
		return chunk.ID{}, err
	}
	return w.put(ctx)(data)
}

// messagesAtOnce bounds the messages whose frames are fetched together.
const messagesAtOnce = 64

// entries rewrites the messages of a page. It leaves out those that cannot be read or were erased.
func (w *Rewriter) entries(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page, entries []manifest.Entry) ([]manifest.Entry, error) {
	earlier, err := w.earlierCopies(ctx, mailbox, page)
	if err != nil {
		return nil, err
	}
	failed := make([]error, len(entries))
	for first := 0; first < len(entries); first += messagesAtOnce {
		some := entries[first:min(first+messagesAtOnce, len(entries))]
		w.prefetch(ctx, some, earlier)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range some {
			group.Go(func() error {
				failed[first+i] = w.entry(ctx, &some[i], earlier)
				return nil
			})
		}
		group.Wait()
	}
	left := entries[:0]
	for i, entry := range entries {
		if errors.Is(failed[i], repo.ErrErased) {
			w.omit(&entry.Record)
		} else if failed[i] == nil {
			left = append(left, entry)
		} else if err := recordLoss(ctx, &w.Lost, manifest.Failure{Mailbox: mailbox.Raw, UID: entry.UID}, failed[i]); err != nil {
			return nil, fmt.Errorf("UID %d: %w", entry.UID, err)
		}
	}
	return left, nil
}

// entry rewrites one message.
func (w *Rewriter) entry(ctx context.Context, entry *manifest.Entry, earlier map[chunk.ID]*manifest.Record) error {
	message := entry.Record
	old, ok := earlier[message.Hash]
	if w.isErased(message.Hash, old) {
		return repo.ErrErased
	}
	if ok {
		ingest.StoredIn(old).SetIn(&entry.Record)
		return nil
	}
	filed, err := w.Store(ctx, &message)
	if err != nil {
		return err
	}
	filed.SetIn(&entry.Record)
	w.progress(message)
	return nil
}

// prefetch fetches the frames of messages together.
func (w *Rewriter) prefetch(ctx context.Context, entries []manifest.Entry, earlier map[chunk.ID]*manifest.Record) {
	var ids []chunk.ID
	for i := range entries {
		if _, ok := earlier[entries[i].Hash]; ok {
			continue
		}
		for _, part := range entries[i].Parts {
			ids = append(ids, part.Chunks...)
		}
	}
	w.From.PrefetchChunks(ctx, ids)
}

// earlierCopies returns the records that were made of messages in the range of a page, in the manifest before, by their hashes
// in the old repository. So a page that grew by one message costs one message.
func (w *Rewriter) earlierCopies(ctx context.Context, mailbox *manifest.Mailbox, page manifest.Page) (map[chunk.ID]*manifest.Record, error) {
	known := make(map[chunk.ID]*manifest.Record)
	for _, pair := range w.Before.overlapping(mailbox.Raw, page) {
		old, err := archive.ReadPiece(ctx, w.From, pair.old.Records, manifest.ParseRecords)
		if err != nil {
			if !archive.IsDamage(err) {
				return nil, err
			}
			continue // its messages are read one by one
		}
		data, err := w.To.Chunk(ctx, pair.new.Records)
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

// oneAtATime returns a function that may be called from several goroutines and passes on one call at a time. f may be nil.
func oneAtATime(f func(manifest.Record)) func(manifest.Record) {
	if f == nil {
		return func(manifest.Record) {}
	}
	var mu sync.Mutex
	return func(record manifest.Record) {
		mu.Lock()
		defer mu.Unlock()
		f(record)
	}
}

// ErrNothingReadable reports that a copy or a repair found no message that can be read, and wrote no manifest.
var ErrNothingReadable = errors.New("no message of it can be read, so no manifest was written")

// NothingReadable reports whether no message could be read, of a manifest that has some.
func (w *Rewriter) NothingReadable(made *manifest.Manifest) bool {
	return len(w.Lost) > 0 && made.Totals.Messages == 0 && w.From.Manifest.Totals.Messages > 0
}
