package rewrite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Rewritten is the result of writing a manifest without what was erased.
type Rewritten struct {
	Old    repo.Head
	New    repo.Head // follows Old in the history, and has its tags
	Parent *[32]byte // of the old one, if it has a parent
	Err    error     // why there is no New: Old is damaged, and stays as it is
}

// eraser writes manifests of one account without what was erased. It keeps pages that do not hold it.
type eraser struct {
	repo  *repo.Repo
	holds func(manifest.Page) bool
	done  func(Rewritten) error

	account string
	erased  *repo.Erasures
	tags    repo.Tags
	run     *repo.Run
	writer  *repo.Writer
	sound   map[string]bool // names of manifests that the run may inherit from (rule 1)
	taken   map[int64]bool  // times of the account's manifests
	parents map[chunk.ID]chunk.ID
	before  *PageMap
}

// rewritesAtOnce is the number of manifests that one run writes. rewriteFor is how long it lasts, far from its deadline.
const (
	rewritesAtOnce = 256
	rewriteFor     = 2 * time.Hour
)

// WithoutErased writes manifests of one account, given the oldest first, without what was erased. holds reports whether a
// page has any of it, and done is called with each manifest.
func WithoutErased(
	ctx context.Context, r *repo.Repo, account string, heads []repo.Head, holds func(manifest.Page) bool, done func(Rewritten) error,
) error {
	w := &eraser{repo: r, holds: holds, done: done}
	return w.rewrite(ctx, account, heads)
}

func (w *eraser) rewrite(ctx context.Context, account string, heads []repo.Head) error {
	w.account, w.parents = account, make(map[chunk.ID]chunk.ID)
	for len(heads) > 0 {
		n, err := w.some(ctx, heads[:min(len(heads), rewritesAtOnce)])
		if err != nil {
			return err
		}
		heads = heads[n:]
	}
	return nil
}

// some writes manifests in one run, and reports how many.
func (w *eraser) some(ctx context.Context, heads []repo.Head) (n int, err error) {
	if w.run, err = w.repo.Begin(ctx); err != nil {
		return 0, err
	}
	w.before, w.sound, w.taken = nil, make(map[string]bool), make(map[int64]bool)
	for head, err := range w.run.Heads(ctx, w.account) {
		if err != nil && (head.Name == "" || ctx.Err() != nil || !archive.IsDamage(err)) {
			return 0, err
		}
		w.sound[head.Name] = err == nil && head.Committed()
		w.taken[head.Time.UnixMilli()] = true
	}
	if w.writer, err = w.run.Writer(ctx); err != nil { // only now: rule 1
		return 0, err
	}
	defer func() { err = errors.Join(err, w.writer.Close()) }()
	if w.erased, err = w.run.Erasures(ctx); err != nil {
		return 0, err
	}
	if w.tags, err = w.repo.Tags(ctx); err != nil {
		return 0, err
	}
	for _, head := range heads {
		now, err := w.run.Now(ctx)
		if err != nil {
			return n, err
		}
		if n > 0 && now.Sub(w.run.Start()) > rewriteFor {
			return n, nil
		}
		done, err := w.one(ctx, head)
		if err != nil {
			return n, fmt.Errorf("write %s again: %w", head.Name, err)
		}
		if n++; w.done != nil {
			if err := w.done(done); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (w *eraser) one(ctx context.Context, head repo.Head) (Rewritten, error) {
	done := Rewritten{Old: head}
	contents, err := archive.OpenManifest(ctx, w.repo, head)
	if err != nil {
		if ctx.Err() == nil && archive.IsDamage(err) {
			done.Err, err = err, nil
		}
		return done, err
	}
	if parent := contents.Manifest.Parent; parent != [32]byte{} {
		done.Parent = &parent
	}
	recasting := &Rewriter{
		From: contents, To: contents, Writer: w.writer, Before: w.before, Progress: func(manifest.Record) {},
		SourceErased: w.erased, TargetErased: w.erased,
		Store: func(_ context.Context, record *manifest.Record) (archive.Stored, error) {
			return archive.StoredIn(record), nil
		},
	}
	if w.sound[head.Name] {
		recasting.Keeps = func(page manifest.Page) bool { return !w.holds(page) }
	} else { // it is late or marked, so what it needs may be condemned
		same := recasting.Store
		recasting.Store = func(ctx context.Context, record *manifest.Record) (archive.Stored, error) {
			filed, _ := same(ctx, record)
			return filed, storeAgain(ctx, contents, w.writer, record)
		}
	}
	m, err := recasting.Rewrite(ctx)
	if err != nil {
		if ctx.Err() == nil && archive.IsDamage(err) { // a page that must be merged with another cannot be read
			done.Err, err = err, nil
		}
		return done, err
	}
	if len(recasting.Lost) > 0 {
		done.Err = fmt.Errorf("mailbox %q: %s", recasting.Lost[0].Mailbox, recasting.Lost[0].Reason)
		return done, nil
	}
	if parent, ok := w.parents[m.Parent]; ok {
		m.Parent = parent
	}
	m.Deadline, m.Origin = w.run.Deadline(), (archive.Summary{Head: head, Manifest: contents.Manifest}).Origin()
	if done.New, err = w.writer.CommitAt(ctx, w.account, w.placeAfter(head), m.EncodeAt); err != nil {
		return done, err
	}
	w.parents[head.ID], w.before = done.New.ID, recasting.After
	if !w.sound[head.Name] {
		w.before = nil
	}
	if tags := w.tags[head.Name]; len(tags) > 0 {
		err = w.repo.Tag(ctx, done.New, tags, nil)
	}
	return done, err
}

// FreeTime returns the next time after a manifest's that no manifest of the account has.
func (w *eraser) placeAfter(head repo.Head) time.Time {
	at := head.Time
	for w.taken[at.UnixMilli()] {
		at = at.Add(time.Millisecond)
	}
	w.taken[at.UnixMilli()] = true
	return at
}
