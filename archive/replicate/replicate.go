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

// CopyOptions say what is copied from one repository to another. Each has its own keys and its own polynomial: messages are
// joined, verified, and split anew, so a copy is also a proof.
type CopyOptions struct {
	From, To *repo.Repo
	Wants    func(archive.Summary) bool // which manifests; nil: all that are complete
	Expect   func(messages int64)       // how many messages there are to be copied, about; called once, before the first. It may be nil
	Progress func(manifest.Record)      // after each message that was copied; called from several goroutines, but never at once
	Empty    bool                       // a copy is written even if no message of the original can be read
}

// Copied is what became of a manifest.
type Copied struct {
	archive.Summary                    // of the original
	Head            repo.Head          // of the copy
	Present         bool               // it had been copied before
	Improved        bool               // it had been copied before, and more of it could be had now: a new copy stands after the old one
	Gone            bool               // it was copied, and forgotten there since: it is copied only if it is named
	Lost            []manifest.Failure // what could not be read, and is not in the copy; the copy says so
	Erased          bool               // the account was erased in one of the repositories, and is not copied
	Untagged        []string           // tags that the copy should bear and does not, for the key of the target cannot sign them
	Err             error              // why there is no copy, though there could be others
}

// Copy copies manifests, of each account the oldest first, and tells of each. A copy stands in the history where its
// original does, and bears its tags. What has been copied before is not copied again, unless the copy has less than the original
// says, and more can be had now; and unless it is named, also not what was forgotten since. Of a later manifest only what an earlier
// one has not costs reading. The error ends it: what was copied until then stays, and is present the next time. Only that not all
// tags could be read is told when all is copied.
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

// originals are the manifests that there are to copy, by account and the oldest first.
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

// copier is a copying under way, account by account.
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
	var met *archive.Summary // the newest of which there is a copy, if before is not about it
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

// action is what there is to do about a manifest.
type action int

const (
	copyNew       action = iota // it is to be copied
	copyAgain                   // it is there, but without all that the original has: perhaps there is more to be had now
	alreadyCopied               // it is there
	forgotten                   // it was, and was forgotten
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

// expected is about how many messages are to be copied: all of an account's first manifest, and what each night brought then.
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

// resume goes on from a manifest that was copied at another time.
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

// copy copies one manifest, by a run of its own. Where there is a copy that lacks something, another is laid after it, if that
// has more; else all stays as it is.
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
	recasting := &rewrite.Rewriter{
		From: c.source.Contents(original.Manifest), To: c.target, Writer: writer,
		Store: nil, Progress: c.Progress, Before: c.before, SourceErased: c.erased.from, TargetErased: c.erased.to,
	}
	recasting.Store = func(ctx context.Context, record *manifest.Record) (archive.Stored, error) {
		told := int64(0)
		if record.Probe != (chunk.Prefix{}) {
			told = record.Size // the copy has a probe of its own, under the other repository's key
		}
		return c.store(ctx, told, recasting.From.Body(record))
	}
	m, err := recasting.Rewrite(ctx)
	if err != nil {
		if ctx.Err() != nil { // what was copied is not to be copied again
			err = errors.Join(err, flush(ctx, writer))
		}
		return err
	}
	copied.Lost = recasting.Lost
	if recasting.NothingReadable(m) && !c.Empty {
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
	c.latest, c.before = copied.Head, recasting.After
	return nil
}

// finishFor is how long who interrupts a copy waits at the most, so that what was copied is not copied again.
const finishFor = 30 * time.Second

// flush makes durable what an interrupted run has.
func flush(ctx context.Context, writer *repo.Writer) error {
	ctx, cancel := grace.Context(ctx, finishFor)
	defer cancel()
	return writer.Flush(ctx)
}

// confirm makes sure that the copy whose pages are to be inherited is still a parent (rule 1), as long as there is one.
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

// store stores a message in the target as it is read from the source. What cannot be read is told as it is.
func (c *copier) store(ctx context.Context, told int64, body archive.Body) (archive.Stored, error) {
	f := c.writers.Get().(*archive.MessageWriter)
	defer c.writers.Put(f)
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := body.WriteTo(ctx, w)
		w.CloseWithError(err)
		read <- err
	}()
	filed, err := f.Write(ctx, nil, told, r)
	r.CloseWithError(errors.New("the copy was given up"))
	if unread := <-read; err == nil {
		err = unread
	}
	return filed, err
}
