package rewrite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Rewriter writes a manifest again, page by page: to another repository for a copy, or without what
// cannot be read for a repair. It passes each record to Store. What Store cannot store it leaves
// out, and names among the failures.
//
// It does not read the pages that Before has, from the manifest that was rewritten before, so a
// night costs what changed in it.
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

// Rewrite writes everything but the manifest itself, and returns that. The caller sets its
// deadline, parent and origin.
func (r *Rewriter) Rewrite(ctx context.Context) (*manifest.Manifest, error) {
	r.progress = oneAtATime(r.Progress)
	if r.Before == nil {
		r.Before = newPageMap()
	}
	r.After = newPageMap()
	var mailboxes []manifest.Mailbox
	for mailbox, err := range r.From.Mailboxes(ctx) {
		if err != nil {
			if err := recordLoss(ctx, &r.Lost, manifest.Failure{}, err); err != nil {
				return nil, err
			}
			continue
		}
		rewritten, err := r.mailbox(ctx, mailbox)
		if err != nil {
			return nil, fmt.Errorf("mailbox %q: %w", mailbox.Name, err)
		}
		mailboxes = append(mailboxes, *rewritten)
	}
	m := *r.From.Manifest
	if err := r.server(ctx, &m); err != nil {
		return nil, err
	}
	if err := r.properties(ctx, &m); err != nil {
		return nil, err
	}
	if err := r.items(ctx, &m); err != nil {
		return nil, err
	}
	m.Failures = slices.Clone(m.Failures)
	for _, failure := range r.Lost {
		m.AddFailure(failure)
		m.Consistent = false
	}
	return &m, m.SetMailboxes(mailboxes, r.put(ctx))
}

// server stores again what the server said about itself.
func (r *Rewriter) server(ctx context.Context, m *manifest.Manifest) error {
	if m.ServerPart.IsZero() {
		return nil
	}
	server, err := r.From.Server(ctx)
	m.ServerPart, m.Server = chunk.ID{}, server
	if err != nil {
		return recordLoss(ctx, &r.Lost, manifest.Failure{}, err)
	}
	return m.SetServerPart(r.put(ctx))
}

// properties stores the access rights and annotations again, up to the first page that cannot be
// read. After a loss the time of them is long ago, so that the next run asks the server again.
func (r *Rewriter) properties(ctx context.Context, m *manifest.Manifest) error {
	if len(m.Properties) == 0 {
		return nil
	}
	list, err := r.From.Properties(ctx)
	asked := m.PropertiesAsked
	if err != nil {
		if err := recordLoss(ctx, &r.Lost, manifest.Failure{}, err); err != nil {
			return err
		}
		asked = neverAsked
	}
	return m.SetProperties(list, asked, r.put(ctx))
}

// neverAsked is a time so long ago that a run asks again.
var neverAsked = time.Unix(1, 0).UTC()

// recordLoss adds what cannot be read to lost. It returns an error that is not about one piece of
// the archive.
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

func (r *Rewriter) mailbox(ctx context.Context, mailbox *manifest.Mailbox) (*manifest.Mailbox, error) {
	rewritten, before := *mailbox, len(r.Lost)
	r.omitted.begin()
	made, err := r.pages(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	pages := make([]manifest.Page, len(made))
	for i := range made {
		pages[i] = made[i].new
	}
	rewritten.Erased = mailbox.Erased.Union(r.uids)
	switch {
	case len(r.Lost) > before:
		pages, err = r.regroup(ctx, &rewritten, pages)
	case r.uids.Len() > 0:
		pages, err = r.regroupErased(ctx, &rewritten, pages)
	default:
		err = rewritten.SetPages(pages, r.put(ctx))
	}
	final := make(map[manifest.Page]bool, len(pages))
	for _, page := range pages {
		final[page] = true
	}
	for _, pair := range made {
		if final[pair.new] { // a page that nothing refers to may be removed
			r.After.add(mailbox.Raw, pair)
		}
	}
	return &rewritten, err
}

// put returns a function that stores a piece of the manifest.
func (r *Rewriter) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := r.Writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}

// oneAtATime returns a function that may be called from several goroutines and passes on one call
// at a time. f may be nil.
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

// ErrNothingReadable reports that a copy or a repair found no message that can be read, and wrote
// no manifest.
var ErrNothingReadable = errors.New("no message of it can be read, so no manifest was written")

// NothingReadable reports whether no message could be read, of a manifest that has some.
func (r *Rewriter) NothingReadable(made *manifest.Manifest) bool {
	return len(r.Lost) > 0 && made.Totals.Messages == 0 && r.From.Manifest.Totals.Messages > 0
}
