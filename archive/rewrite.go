package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Rewriter writes manifests of one account without what was erased. It keeps pages that do not hold it.
type Rewriter struct {
	Repo  *repo.Repo
	Holds func(manifest.Page) bool // whether a page has what was erased
	Done  func(Rewritten) error    // called with each manifest

	account string
	erased  *repo.Erasures
	tags    repo.Tags
	run     *repo.Run
	writer  *repo.Writer
	sound   map[string]bool // names of manifests that the run may inherit from (rule 1)
	taken   map[int64]bool  // times of the account's manifests
	parents map[chunk.ID]chunk.ID
	before  *counterparts
}

// rewritesAtOnce is the number of manifests that one run writes. rewriteFor is how long it lasts, far from its deadline.
const (
	rewritesAtOnce = 256
	rewriteFor     = 2 * time.Hour
)

// Rewrite writes manifests of one account, given the oldest first.
func (w *Rewriter) Rewrite(ctx context.Context, account string, heads []repo.Head) error {
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
func (w *Rewriter) some(ctx context.Context, heads []repo.Head) (n int, err error) {
	if w.run, err = w.Repo.Begin(ctx); err != nil {
		return 0, err
	}
	w.before, w.sound, w.taken = nil, make(map[string]bool), make(map[int64]bool)
	for head, err := range w.run.Heads(ctx, w.account) {
		if err != nil && (head.Name == "" || ctx.Err() != nil || !IsDamage(err)) {
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
	if w.tags, err = w.Repo.Tags(ctx); err != nil {
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
		if n++; w.Done != nil {
			if err := w.Done(done); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (w *Rewriter) one(ctx context.Context, head repo.Head) (Rewritten, error) {
	done := Rewritten{Old: head}
	contents, err := OpenManifest(ctx, w.Repo, head)
	if err != nil {
		if ctx.Err() == nil && IsDamage(err) {
			done.Err, err = err, nil
		}
		return done, err
	}
	if parent := contents.Manifest.Parent; parent != [32]byte{} {
		done.Parent = &parent
	}
	recasting := &recasting{
		from: contents, to: contents.chunks, writer: w.writer, before: w.before, tell: func(manifest.Record) {},
		erasing: erasing{here: w.erased, there: w.erased},
		keep: func(_ context.Context, record *manifest.Record) (Filed, error) {
			return Filed{Hash: record.Hash, Parts: record.Parts, List: record.List, Probe: record.Probe, Opening: record.Opening}, nil
		},
	}
	if w.sound[head.Name] {
		recasting.stands = func(page manifest.Page) bool { return !w.Holds(page) }
	} else { // it is late or marked, so what it needs may be condemned
		same := recasting.keep
		recasting.keep = func(ctx context.Context, record *manifest.Record) (Filed, error) {
			filed, _ := same(ctx, record)
			return filed, storeAgain(ctx, contents, w.writer, record)
		}
	}
	m, err := recasting.manifest(ctx)
	if err != nil {
		if ctx.Err() == nil && IsDamage(err) { // a page that must be merged with another cannot be read
			done.Err, err = err, nil
		}
		return done, err
	}
	if len(recasting.lost) > 0 {
		done.Err = fmt.Errorf("mailbox %q: %s", recasting.lost[0].Mailbox, recasting.lost[0].Reason)
		return done, nil
	}
	if parent, ok := w.parents[m.Parent]; ok {
		m.Parent = parent
	}
	m.Deadline, m.Origin = w.run.Deadline(), originOf(Summary{head, contents.Manifest})
	if done.New, err = w.writer.CommitAt(ctx, w.account, w.placeAfter(head), m.EncodeAt); err != nil {
		return done, err
	}
	w.parents[head.ID], w.before = done.New.ID, recasting.made
	if !w.sound[head.Name] {
		w.before = nil
	}
	if tags := w.tags[head.Name]; len(tags) > 0 {
		err = w.Repo.Tag(ctx, done.New, tags, nil)
	}
	return done, err
}

// placeAfter returns the next time after a manifest's that no manifest of the account has.
func (w *Rewriter) placeAfter(head repo.Head) time.Time {
	at := head.Time
	for w.taken[at.UnixMilli()] {
		at = at.Add(time.Millisecond)
	}
	w.taken[at.UnixMilli()] = true
	return at
}
