package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// CopyOptions say what is copied from one repository to another. Each has its own keys and its own polynomial: messages are
// joined, verified, and split anew, so a copy is also a proof.
type CopyOptions struct {
	From, To *repo.Repo
	Wants    func(Summary) bool    // which manifests; nil: all that are complete
	Progress func(manifest.Record) // after each message that was copied; called from several goroutines, but never at once
}

// Copied is what became of a manifest.
type Copied struct {
	Summary                    // of the original
	Head    repo.Head          // of the copy
	Present bool               // it had been copied before
	Gone    bool               // and was forgotten there since: it is copied only if it is named
	Lost    []manifest.Failure // what could not be read, and is not in the copy; the copy says so
	Err     error              // why there is no copy, though there could be others
}

// Copy copies manifests, of each account the oldest first, and tells of each. A copy stands in the history where its
// original does. What has been copied before is not copied again, unless it is named also not what was forgotten since, and
// of a later manifest only what an earlier one has not costs reading. The error ends it: what was copied until then stays,
// and is present the next time.
func Copy(ctx context.Context, o CopyOptions, done func(Copied)) error {
	accounts, err := originals(ctx, o, done)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		c := &copying{CopyOptions: o, source: newStacks(o.From), target: newStacks(o.To), tell: oneAtATime(o.Progress)}
		if err := c.account(ctx, account, done); err != nil {
			return err
		}
	}
	return nil
}

// originals are the manifests that there are to copy, by account and the oldest first.
func originals(ctx context.Context, o CopyOptions, done func(Copied)) ([][]Summary, error) {
	var accounts [][]Summary
	for s, err := range Manifests(ctx, o.From) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil || !isDamage(err)):
			return nil, err
		case err != nil:
			done(Copied{Summary: s, Err: err})
		case len(accounts) > 0 && accounts[len(accounts)-1][0].Head.Account == s.Head.Account:
			accounts[len(accounts)-1] = append(accounts[len(accounts)-1], s)
		default:
			accounts = append(accounts, []Summary{s})
		}
	}
	for _, account := range accounts {
		slices.Reverse(account)
	}
	return accounts, nil
}

// copying is the copying of one account.
type copying struct {
	CopyOptions
	source, target stacks
	copies         map[[32]byte]repo.Head // by the original's hash
	forgotten      map[time.Time]bool     // where copies stood in the history that the target was told to forget
	latest         repo.Head              // the copy that before is about
	before         *counterparts
	keepers        sync.Pool
	tell           func(manifest.Record)
}

func (c *copying) account(ctx context.Context, originals []Summary, done func(Copied)) error {
	if err := c.findCopies(ctx, originals[0].Manifest.Account); err != nil {
		return err
	}
	var present *Summary // the newest met so far
	for _, s := range originals {
		copied := Copied{Summary: s}
		head, ok := c.copies[originOf(s)]
		switch {
		case c.Wants != nil && !c.Wants(s), c.Wants == nil && s.Manifest.State != manifest.Complete:
			continue
		case ok:
			copied.Head, copied.Present, present = head, true, &s
		case c.Wants == nil && c.forgotten[s.Head.Time]:
			copied.Gone = true
		default:
			if present != nil {
				if err := c.resume(ctx, *present); err != nil {
					return err
				}
				present = nil
			}
			var err error
			if copied.Head, copied.Lost, err = c.copy(ctx, s); err != nil {
				return fmt.Errorf("copy %s: %w", s.Head.Name, err)
			}
			c.copies[originOf(s)] = copied.Head
		}
		done(copied)
	}
	return nil
}

// originOf is the hash of the manifest that a manifest goes back to, be it copied from hand to hand.
func originOf(s Summary) [32]byte {
	if s.Manifest.Origin != [32]byte{} {
		return s.Manifest.Origin
	}
	return s.Head.ID
}

// findCopies finds what of the account is in the target already: copies, and originals that come home.
func (c *copying) findCopies(ctx context.Context, account string) error {
	c.copies, c.forgotten = make(map[[32]byte]repo.Head), make(map[time.Time]bool)
	dir := c.To.AccountDir(account)
	marks, err := c.To.Marks(ctx)
	if err != nil {
		return err
	}
	for name := range marks { // marks stay when manifests are long deleted, and a copy has its original's time
		if head, ok := repo.ParseManifest(name); ok && head.Account == dir {
			c.forgotten[head.Time] = true
		}
	}
	for s, err := range Manifests(ctx, c.To) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil || !isDamage(err)):
			return err
		case err == nil && s.Head.Account == dir:
			c.copies[originOf(s)] = s.Head
		}
	}
	return nil
}

// resume goes on from a manifest that was copied at another time.
func (c *copying) resume(ctx context.Context, original Summary) error {
	old := newContents(original.Manifest, c.source, c.From.MessageHasher)
	c.latest = c.copies[originOf(original)]
	new, err := OpenManifest(ctx, c.To, c.latest)
	if err != nil {
		return err
	}
	c.before, err = match(ctx, old, new)
	return err
}

// copy copies one manifest, by a run of its own.
func (c *copying) copy(ctx context.Context, original Summary) (copied repo.Head, lost []manifest.Failure, err error) {
	run, err := c.To.Begin(ctx)
	if err != nil {
		return repo.Head{}, nil, err
	}
	account := original.Manifest.Account
	if err := c.confirm(ctx, run, account); err != nil {
		return repo.Head{}, nil, err
	}
	writer, err := run.Writer(context.WithoutCancel(ctx))
	if err != nil {
		return repo.Head{}, nil, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	c.keepers.New = func() any { return newKeeper(c.To, writer, nil) }
	defer func() { c.keepers = sync.Pool{} }()
	recasting := &recasting{
		from: newContents(original.Manifest, c.source, c.From.MessageHasher), to: c.target, writer: writer,
		keep: nil, tell: c.tell, before: c.before,
	}
	recasting.keep = func(ctx context.Context, record *manifest.Record) (kept, error) {
		told := int64(0)
		if record.Probe != (chunk.Prefix{}) {
			told = record.Size // the copy has a probe of its own, under the other repository's key
		}
		return c.keep(ctx, told, recasting.from.Body(record))
	}
	m, err := recasting.manifest(ctx)
	if err != nil {
		if ctx.Err() != nil { // what was copied is not to be copied again
			err = errors.Join(err, flushAfterwards(ctx, writer))
		}
		return repo.Head{}, nil, err
	}
	m.Deadline, m.Origin, m.Parent = run.Deadline(), originOf(original), c.copies[original.Manifest.Parent].ID
	content, err := m.Encode()
	if err != nil {
		return repo.Head{}, nil, err
	}
	c.latest, err = writer.CommitAt(ctx, account, original.Head.Time, content)
	c.before = recasting.made
	return c.latest, recasting.lost, err
}

// flushAfterwards makes durable what an interrupted run has, within half a minute.
func flushAfterwards(ctx context.Context, writer *repo.Writer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return writer.Flush(ctx)
}

// confirm makes sure that the copy whose pages are to be inherited is still a parent (rule 1), as long as there is one.
func (c *copying) confirm(ctx context.Context, run *repo.Run, account string) error {
	if c.before == nil {
		return nil
	}
	for head, err := range run.Heads(ctx, account) {
		if err != nil && head.Name == "" {
			return err
		}
		if err == nil && head.Name == c.latest.Name && committed(head) {
			return nil
		}
	}
	c.before = nil
	return nil
}

// keep stores a message in the target as it is read from the source. What cannot be read is told as it is.
func (c *copying) keep(ctx context.Context, told int64, body Body) (kept, error) {
	k := c.keepers.Get().(*keeper)
	defer c.keepers.Put(k)
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := body.WriteTo(ctx, w)
		w.CloseWithError(err)
		read <- err
	}()
	kept, err := k.store(ctx, told, r)
	r.CloseWithError(errors.New("the copy was given up"))
	if unread := <-read; err == nil {
		err = unread
	}
	return kept, err
}
