// Package replicate copies manifests, with all that they refer to, from one repository to another.
//
// The two have different keys and cut chunks at different places. So each message is joined, verified and stored again, which
// also proves that the copy is right. For each account, from the oldest manifest to the newest, Copy decides what to do
// (replicate.go) by the copies that the target has (copies.go), leaves out what was erased (erased.go), and writes the
// manifest with a rewrite.Rewriter, which reads only what the manifest before does not have. Then it copies the tags.
package replicate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// CopyOptions select what is copied, and where.
type CopyOptions struct {
	From, To *repo.Repo
	Wants    func(archive.Summary) bool // which manifests; nil for all complete ones
	Expect   func(messages int64)       // called once, with an estimate of the messages to be copied; may be nil
	Progress func(manifest.Record)      // called after each message, one call at a time; may be nil
	Empty    bool                       // write a copy even if no message of the original can be read
}

// Copied is the result for one manifest.
type Copied struct {
	archive.Summary                    // of the original
	Head            repo.Head          // of the copy
	Present         bool               // it had been copied before
	Improved        bool               // it had been copied before, and more of it can be read now: a new copy follows the old one
	Gone            bool               // it was copied and then forgotten in the target, and is copied only if it is named
	Lost            []manifest.Failure // what cannot be read and is not in the copy, which names it among its failures
	Erased          bool               // the account was erased in one of the repositories, so it is not copied
	Untagged        []string           // tags that the copy lacks because the target's key cannot sign them
	Err             error              // why there is no copy; others are still copied
}

// Copy copies manifests, those of each account from the oldest to the newest, and calls done with each. A copy has the time and
// the tags of its original. Copy does not copy again what the target has, unless the copy lacks messages of the original and
// more of them can be read now. Unless it is named in Wants, it does not copy what was forgotten in the target.
//
// An error ends the copy. What was copied before is kept, and is present the next time. If tags could not be read, Copy copies
// everything and then returns the error.
func Copy(ctx context.Context, o CopyOptions, done func(Copied)) error {
	accounts, err := originals(ctx, o, done)
	if err != nil {
		return err
	}
	erased, err := newErasedPair(ctx, o)
	if err != nil {
		return err
	}
	there, err := findCopies(ctx, o.To)
	if err != nil {
		return err
	}
	tags, err := newTagCopier(ctx, o)
	if err != nil {
		return err
	}
	c := &copier{CopyOptions: o, source: archive.NewReader(o.From), target: archive.NewReader(o.To), tags: tags, copies: there, erased: erased}
	if o.Expect != nil {
		o.Expect(c.expected(accounts))
	}
	for _, account := range accounts {
		if err := c.account(ctx, account, done); err != nil {
			return err
		}
	}
	if tags.damage != nil {
		return fmt.Errorf("the copies may lack tags: %w", tags.damage)
	}
	return nil
}

// originals returns the manifests of the source by account, the oldest first.
func originals(ctx context.Context, o CopyOptions, done func(Copied)) ([][]archive.Summary, error) {
	var accounts [][]archive.Summary
	for s, err := range archive.Manifests(ctx, o.From) {
		switch {
		case archive.EndsListing(ctx, s.Head, err):
			return nil, err
		case err != nil:
			done(Copied{Summary: s, Err: err})
		case len(accounts) > 0 && accounts[len(accounts)-1][0].Head.Account == s.Head.Account:
			accounts[len(accounts)-1] = append(accounts[len(accounts)-1], s)
		default:
			accounts = append(accounts, []archive.Summary{s})
		}
	}
	for _, account := range accounts {
		slices.Reverse(account)
	}
	return accounts, nil
}

// copier is a Copy under way.
type copier struct {
	CopyOptions
	source, target *archive.Reader
	copies         *copies
	tags           *tagCopier
	erased         *erasedPair
	latest         repo.Head // the copy that before is about
	before         *rewrite.PageMap
	writers        sync.Pool
}

func (c *copier) account(ctx context.Context, originals []archive.Summary, done func(Copied)) error {
	c.latest, c.before = repo.Head{}, nil
	var met *archive.Summary // the newest that has a copy, if before is not of it
	for _, s := range originals {
		todo, old := c.action(s)
		copied := Copied{Summary: s, Head: old.head, Present: todo == alreadyCopied || todo == copyAgain, Gone: todo == forgotten}
		switch todo {
		case unwanted:
			continue
		case accountErased:
			copied.Erased = true
			done(copied)
			continue
		case forgotten:
			done(copied)
			continue
		case copyAgain:
			met = &s
			fallthrough
		case copyNew:
			if met != nil {
				if err := c.resume(ctx, *met); err != nil {
					return err
				}
				met = nil
			}
			if err := c.copy(ctx, &copied, old); err != nil {
				return fmt.Errorf("copy %s: %w", s.Head.Name, err)
			}
			if copied.Err != nil {
				done(copied)
				continue
			}
		}
		if copied.Present {
			met = &s
		}
		if err := c.tags.copyTags(ctx, &copied, old.head); err != nil {
			return err
		}
		done(copied)
	}
	return nil
}

// action is what to do with a manifest.
type action int

const (
	copyNew       action = iota // it has no copy
	copyAgain                   // its copy lacks something, and more may be readable now
	alreadyCopied               // it has a copy
	forgotten                   // its copy was forgotten
	unwanted
	accountErased // the account was erased in one of the repositories
)

func (c *copier) action(s archive.Summary) (action, existing) {
	old, there := c.copies.of(s)
	switch {
	case c.Wants != nil && !c.Wants(s), c.Wants == nil && s.Manifest.State != manifest.Complete:
		return unwanted, existing{}
	case c.erased.account(s):
		return accountErased, existing{}
	case there && old.lacks(s):
		return copyAgain, old
	case there:
		return alreadyCopied, old
	case c.Wants == nil && c.copies.forgotten[position{c.To.AccountDir(s.Manifest.Account), s.Head.Time.UnixMilli()}]:
		return forgotten, existing{}
	}
	return copyNew, existing{}
}

// expected estimates the messages to be copied: all of an account's first manifest, and the new ones of each later one.
func (c *copier) expected(accounts [][]archive.Summary) (messages int64) {
	for _, account := range accounts {
		known := false // what the account had before, or most of it
		for _, s := range account {
			todo, _ := c.action(s)
			totals := s.Manifest.Totals
			switch {
			case todo == accountErased:
			case todo == copyNew && !known:
				messages += totals.Messages
			case todo == copyNew:
				messages += min(totals.Messages, totals.NewMessages+totals.TakenMessages)
			}
			known = known || todo != unwanted && todo != forgotten
		}
	}
	return messages
}

// resume makes a manifest that was copied earlier the one that the next is compared with.
func (c *copier) resume(ctx context.Context, original archive.Summary) error {
	old := c.source.Contents(original.Manifest)
	copied, _ := c.copies.of(original)
	c.latest = copied.head
	new, err := archive.OpenManifest(ctx, c.To, c.latest)
	if err != nil {
		return err
	}
	c.before, err = rewrite.MapPages(ctx, old, new)
	return err
}

// copy copies one manifest in one run. If old, its copy, lacks something, a new copy follows that one, but only if it has more.
func (c *copier) copy(ctx context.Context, copied *Copied, old existing) (err error) {
	run, err := c.To.Begin(ctx)
	if err != nil {
		return err
	}
	original := copied.Summary
	account := original.Manifest.Account
	if err := c.confirm(ctx, run, account); err != nil {
		return err
	}
	writer, err := run.Writer(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	c.writers.New = func() any { return archive.NewMessageWriter(c.To, writer, nil) }
	defer func() { c.writers = sync.Pool{} }()
	items := archive.NewItemWriter(c.To, writer)
	defer items.Close()
	rewriter := c.rewriter(original.Manifest, writer, items)
	m, err := rewriter.Rewrite(ctx)
	if err != nil {
		if ctx.Err() != nil { // what was copied is not to be copied again
			err = errors.Join(err, flush(ctx, writer))
		}
		return err
	}
	copied.Lost = rewriter.Lost
	if rewriter.NothingReadable(m) && !c.Empty {
		copied.Err = rewrite.ErrNothingReadable
		return nil
	}
	at := original.Head.Time
	if copied.Present {
		if !old.improvedBy(m) {
			return nil
		}
		if at, err = rewrite.FreeTime(ctx, c.To, account, old.head); err != nil {
			return err
		}
		copied.Present, copied.Improved = false, true
	}
	m.Deadline, m.Origin, m.Parent = run.Deadline(), original.Origin(), c.copies.parentOf(original)
	unhurried, done := grace.Context(ctx, finishFor)
	defer done()
	if copied.Head, err = writer.CommitAt(unhurried, account, at, m.EncodeAt); err != nil {
		return err
	}
	c.copies.add(m.Origin, copied.Head, m)
	c.latest, c.before = copied.Head, rewriter.After
	return nil
}

// rewriter returns a Rewriter that copies what a manifest needs.
func (c *copier) rewriter(from *manifest.Manifest, writer *repo.Writer, items *archive.ItemWriter) *rewrite.Rewriter {
	contents := c.source.Contents(from)
	return &rewrite.Rewriter{
		From: contents, To: c.target, Writer: writer,
		Progress: c.Progress, Before: c.before, SourceErased: c.erased.from, TargetErased: c.erased.to,
		Store: func(ctx context.Context, record *manifest.Record) (archive.Stored, error) {
			size := int64(0)
			if record.Probe != (chunk.Prefix{}) {
				size = record.Size // the copy has a probe of its own, under the other repository's key
			}
			return c.store(ctx, size, contents.Body(record))
		},
		StoreItem: func(ctx context.Context, item *manifest.Item) (manifest.Item, error) {
			content, err := contents.ItemContent(ctx, item)
			if err != nil {
				return manifest.Item{}, err
			}
			return items.Write(ctx, *item, content)
		},
	}
}

// finishFor bounds how long an interrupted copy goes on to save what it has copied.
const finishFor = 30 * time.Second

// flush stores what an interrupted run has copied.
func flush(ctx context.Context, writer *repo.Writer) error {
	ctx, cancel := grace.Context(ctx, finishFor)
	defer cancel()
	return writer.Flush(ctx)
}

// confirm makes sure that the copy whose pages are to be inherited may still be a parent (rule 1), or drops before.
func (c *copier) confirm(ctx context.Context, run *repo.Run, account string) error {
	if c.before == nil {
		return nil
	}
	for head, err := range run.Heads(ctx, account) {
		if err != nil && head.Name == "" {
			return err
		}
		if err == nil && head.Name == c.latest.Name && head.Committed() {
			return nil
		}
	}
	c.before = nil
	return nil
}

// store reads a message from the source and stores it in the target.
func (c *copier) store(ctx context.Context, size int64, body archive.Body) (archive.Stored, error) {
	f := c.writers.Get().(*archive.MessageWriter)
	defer c.writers.Put(f)
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := body.WriteTo(ctx, w)
		w.CloseWithError(err)
		read <- err
	}()
	filed, err := f.Write(ctx, nil, size, r)
	r.CloseWithError(errors.New("the copy was given up"))
	if unread := <-read; err == nil {
		err = unread
	}
	return filed, err
}
