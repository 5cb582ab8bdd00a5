package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Forgotten is a marked manifest that prune has not deleted yet.
type Forgotten struct {
	archive.Summary
	Err error // why it cannot be committed again; nil if it may be possible
}

// Until returns the time, by the store's clock, from which a prune deletes the manifest.
func (f *Forgotten) Until() time.Time { return f.Head.Since.Add(repo.Grace) }

var (
	// ErrErased reports that a manifest was erased.
	ErrErased = errors.New("it was erased, not forgotten, and cannot be brought back")

	// ErrNeverCommitted reports that a manifest did not count before it was forgotten.
	ErrNeverCommitted = errors.New("it was written after its deadline, and never counted")
)

// ListForgotten returns the marked manifests that are not deleted yet, by account, the newest
// first.
func ListForgotten(ctx context.Context, r *repo.Repo) (list []Forgotten, err error) {
	erased, err := r.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	for head, err := range r.EveryManifest(ctx) {
		if err != nil {
			return nil, err
		}
		if !head.Marked {
			continue
		}
		f := Forgotten{Summary: archive.Summary{Head: head}}
		f.Manifest, f.Err = archive.ReadManifest(ctx, r, head)
		if f.Err != nil {
			if ctx.Err() != nil || !archive.IsDamage(f.Err) {
				return nil, f.Err
			}
			list = append(list, f)
			continue
		}
		f.Head = r.Judge(head, f.Manifest.Deadline)
		_, whole := erased.Account(head.Account)
		switch {
		case head.Erased || whole:
			f.Err = ErrErased
		case f.Head.Late:
			f.Err = ErrNeverCommitted
		case f.Head.Misdated != "":
			f.Err = fmt.Errorf("%w: %s", repo.ErrMisdated, f.Head.Misdated)
		}
		list = append(list, f)
	}
	return list, nil
}

// Undone is the result of Undo for one manifest.
type Undone struct {
	Old      Forgotten
	New      repo.Head          // without a Name if no manifest was committed
	Existing bool               // it was committed again before
	Missing  []manifest.Failure // what cannot be read any more; New, if there is one, names it among its failures
	Err      error              // why it was not committed again, though others could be
}

// ErrMissing reports that something that a manifest needs is gone.
var ErrMissing = errors.New("something that it needs is gone")

// Undo commits forgotten manifests again. If a manifest lacks something, Undo commits it only if
// evenIncomplete is set, and then as Repair does. It calls done with each.
func Undo(ctx context.Context, r *repo.Repo, forgotten []Forgotten, evenIncomplete bool, done func(Undone)) error {
	list := slices.Clone(forgotten)
	slices.SortStableFunc(list, func(a, b Forgotten) int {
		return cmp.Or(cmp.Compare(a.Head.Account, b.Head.Account), a.Head.Time.Compare(b.Head.Time))
	})
	for len(list) > 0 {
		account := list[0].Head.Account
		n := slices.IndexFunc(list, func(f Forgotten) bool { return f.Head.Account != account })
		if n < 0 {
			n = len(list)
		}
		if err := undoSome(ctx, r, list[:n], evenIncomplete, done); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// undoSome commits manifests of one account, given the oldest first.
func undoSome(ctx context.Context, r *repo.Repo, list []Forgotten, evenIncomplete bool, done func(Undone)) (err error) {
	able := list[:0:0]
	for _, f := range list {
		if f.Err != nil {
			done(Undone{Old: f, Err: f.Err})
			continue
		}
		able = append(able, f)
	}
	if len(able) == 0 {
		return nil
	}
	c, err := beginRecommit(ctx, r, able[0].Manifest.Account, able[0].Manifest.Account)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.writer.Close()) }()
	parents := make(map[[32]byte][32]byte)
	for _, f := range able {
		u, err := c.undo(ctx, f, evenIncomplete, parents)
		if err != nil {
			return fmt.Errorf("commit manifest %x again: %w", f.Head.ID[:4], err)
		}
		if u.New.Name != "" {
			parents[f.Head.ID] = u.New.ID
		}
		done(u)
	}
	return nil
}

func (r *recommitter) undo(
	ctx context.Context, f Forgotten, evenIncomplete bool, parents map[[32]byte][32]byte,
) (u Undone, err error) {
	u.Old = f
	if u.New, u.Existing = r.existing[contentOf(f.Summary)]; u.Existing {
		return u, r.copyTags(ctx, f.Head, u.New, f.confirms()...)
	}
	contents, err := archive.OpenManifest(ctx, r.repo, f.Head)
	if err == nil {
		u.Missing, err = r.restock(ctx, contents)
	}
	switch {
	case errors.Is(err, repo.ErrErased):
		u.Err = fmt.Errorf("%w: %w", ErrErased, err)
		return u, nil
	case err != nil && ctx.Err() == nil && archive.IsDamage(err): // a prune has deleted it meanwhile
		u.Err = err
		return u, nil
	case err != nil:
		return u, err
	case len(u.Missing) > 0:
		return r.undoRest(ctx, u, evenIncomplete)
	}
	if u.New, err = r.again(ctx, contents, parents); err != nil {
		return u, err
	}
	return u, r.copyTags(ctx, f.Head, u.New, f.confirms()...)
}

// confirms returns the tag that confirms the time of the new manifest, if the old one came in time.
// Without the tag, the new one would be belated.
func (f *Forgotten) confirms() []string {
	if f.Head.Belated() {
		return nil
	}
	return []string{history.TagDated}
}

// undoRest commits the rest of a manifest that lacks something, if evenIncomplete is set.
func (r *recommitter) undoRest(ctx context.Context, u Undone, evenIncomplete bool) (Undone, error) {
	if !evenIncomplete {
		u.Err = ErrMissing
		return u, nil
	}
	repaired, err := Repair(ctx, r.repo, u.Old.Head, RepairOptions{Stored: true})
	if errors.Is(err, ErrNothingReadable) {
		u.Err = err
		return u, nil
	}
	u.New = repaired.Head
	r.taken[u.New.Time.UnixMilli()] = true
	return u, err
}
