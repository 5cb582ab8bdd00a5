package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// verify opens a statement of the keeper's.
func (r *Repo) verify(kind format.Kind, content []byte) (payload []byte, err error) {
	return statement.Open(content, kind, r.codec.Repository, r.config.Keeper)
}

// declare signs and stores a statement.
func (r *Repo) declare(ctx context.Context, kind format.Kind, what any) error {
	if r.keeper == nil {
		return fmt.Errorf("removing needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := r.noneRejected(); err != nil {
		return err
	}
	if kind == format.KindMark || kind == format.KindCondemnation { // their age counts
		if err := r.checkSkewNow(ctx); err != nil {
			return err
		}
	}
	content, err := statement.Sign(kind, r.codec.Repository, r.keeper, what)
	if err != nil {
		return err
	}
	stored, hash, err := r.codec.Build(kind, content, r.seals.recipients(kind))
	if err != nil {
		return err
	}
	return r.put(ctx, format.ObjectName(kind, hash), stored)
}

// Mark says that a manifest is to be forgotten (rule 6). parent is the hash of its parent, or nil.
func (r *Repo) Mark(ctx context.Context, h Head, parent *[32]byte) error {
	return r.MarkAll(ctx, []statement.Marked{{Manifest: h.Name, Parent: parent}})
}

// MarkAll says that manifests are to be forgotten. It puts few objects, because marks stay and a host without a cache reads them
// all. Up to some thousands of manifests are marked all or none.
func (r *Repo) MarkAll(ctx context.Context, manifests []statement.Marked) error {
	return r.markAll(ctx, manifests, false)
}

// MarkErased is MarkAll for manifests that hold what is erased. A prune deletes them only when no pack holds anything that only they
// need. It marks manifests again that are marked already.
func (r *Repo) MarkErased(ctx context.Context, manifests []statement.Marked) error {
	return r.markAll(ctx, manifests, true)
}

func (r *Repo) markAll(ctx context.Context, manifests []statement.Marked, erase bool) error {
	for _, m := range statement.NewMarks(manifests, erase) {
		if err := r.declare(ctx, format.KindMark, m); err != nil {
			return err
		}
	}
	return nil
}

// Condemn says that packs are to be deleted (rule 7). From now on no run counts a chunk in them as stored.
func (r *Repo) Condemn(ctx context.Context, packs []format.Pack) error {
	for _, c := range statement.NewCondemnations(packs) {
		if err := r.declare(ctx, format.KindCondemnation, c); err != nil {
			return err
		}
	}
	return nil
}

// Condemned reads all condemnations, and returns when each pack was condemned first. A damaged one is an error, because it may name
// any pack. One that the keeper did not sign is ignored.
func (r *Repo) Condemned(ctx context.Context) (statement.Condemned, error) {
	all := statement.Condemned{}
	return all, readStatements(ctx, r, format.KindCondemnation, nil, statement.ParseCondemnation, all.Add)
}

// NameUnder returns the name that a manifest would have under another account.
func (r *Repo) NameUnder(h Head, account string) string {
	return format.ManifestName(r.AccountDir(account), h.Time, h.ID)
}

// Marks reads all marks, by the names of manifests.
func (r *Repo) Marks(ctx context.Context) (statement.Marks, error) { return r.marks(ctx, nil) }

func (r *Repo) marks(ctx context.Context, ignore func(error) bool) (statement.Marks, error) {
	all := statement.Marks{}
	return all, readStatements(ctx, r, format.KindMark, ignore, statement.ParseMark, all.Add)
}

// readStatements reads all statements of a kind, parses them, and adds them up, each with the time when the store got it.
func readStatements[T any](ctx context.Context, r *Repo, kind format.Kind, ignore func(error) bool, parse func(payload []byte) (T, error), add func(T, time.Time)) error {
	return r.statements(ctx, kind, ignore, func(o store.Object, payload []byte) error {
		row, err := parse(payload)
		if err == nil {
			add(row, o.Time)
		}
		return err
	})
}

// statements reads all statements of a kind, several at a time, and hands them to use one at a time. An error of one ends
// that, unless it is to be overlooked.
func (r *Repo) statements(ctx context.Context, kind format.Kind, ignore func(error) bool, use func(store.Object, []byte) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var mu sync.Mutex
	var listErr error
	listed := map[string]bool{}
	for o, err := range r.store.List(ctx, kind.Folder()) {
		if err != nil {
			listErr = fmt.Errorf("list %s: %w", strings.TrimSuffix(kind.Folder(), "/"), err)
			break
		}
		if _, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); !ok {
			continue
		}
		listed[o.Name] = true
		group.Go(func() error {
			payload, err := r.statement(ctx, kind, o.Name)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				if err = use(o, payload); err != nil {
					err = fmt.Errorf("read %s: %w", o.Name, err)
				}
			}
			// A hidden object that cannot be read was garbage that someone removed. A hidden one that can be read still counts.
			if errors.Is(err, statement.ErrUnsigned) || o.Hidden && concernsObject(err) || err != nil && ignore != nil && ignore(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if listErr == nil {
		r.cache.keepListed(kind.Folder(), listed)
	}
	return listErr
}

func (r *Repo) statement(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := r.load(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	payload, err := r.verify(kind, content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return payload, nil
}
