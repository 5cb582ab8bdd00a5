package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// PruneOptions configure a prune.
type PruneOptions struct {
	// DryRun says to change nothing, and to report what a prune would do.
	DryRun bool

	// MaxUnused is the share of all packs, from 0 to 1, that may be unused before packs are repacked.
	MaxUnused float64

	// Erased is called with each unmarked manifest that holds what was erased, because its run began before the erasure. It
	// may be nil.
	Erased func(Head)

	// Left is called with each object that the store would not delete, or that could not be read. It may be nil.
	Left func(name string, err error)

	// Progress may be nil, and may be called several times at once.
	Progress func(Progress)
}

// Amount counts objects.
type Amount struct {
	Objects int
	Bytes   int64
}

func (a *Amount) add(bytes int64) {
	a.Objects++
	a.Bytes += bytes
}

// PruneReport says what a prune found and did, or what a dry run would do.
type PruneReport struct {
	Roots int    // manifests that stay, and those that were forgotten less than a day ago
	Packs Amount // before the prune

	Manifests Amount // forgotten manifests that were deleted
	Deleted   Amount // packs that were deleted
	Condemned Amount // packs that were condemned now; a later prune deletes them
	Waiting   Amount // packs that were condemned less than a day ago
	Rewritten Amount // packs whose needed chunks were copied into new ones; counted in Condemned too
	Copied    Amount // new packs; a dry run estimates their bytes
	Erased    Amount // packs that hold what was erased; counted in Condemned or Waiting too, or they stay

	Segments Amount // index segments that were merged
	Replaced Amount // index segments that were deleted, because others hold the same

	Unused   int64 // bytes in packs that no manifest needs and that stay: less than MaxUnused, or too young
	Retained Amount
	Renewed  int   // objects whose lock was renewed
	Locks    error // why due locks were not renewed, or new objects are not locked
	Unread   int   // packs that cannot be read; they stay
	Lost     int64 // needed chunks that are in no pack; mailstrata check shows which messages need them
}

// Walk calls reach for every chunk that a manifest needs. reach reports whether it is the first call for the chunk; Walk need not
// follow what the chunk refers to again.
type Walk func(ctx context.Context, root Head, reach func(chunk.ID) (first bool, err error)) error

// Prune deletes what no manifest needs (rules 7 to 10 of docs/design/removing.md). It condemns packs that are not needed, and
// deletes those that were condemned a day ago and are still not needed. Several prunes may run at once, beside any number of runs.
// A prune may stop anywhere, and the next goes on. It needs the owner's key.
func (r *Repo) Prune(ctx context.Context, o PruneOptions, walk Walk) (*PruneReport, error) {
	if r.keeper == nil || !r.CanRead() {
		return nil, fmt.Errorf("removing needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := r.noneRejected(); err != nil {
		return nil, err
	}
	p := &pruner{PruneOptions: o, r: r, walk: walk}
	return &p.report, p.all(ctx)
}

// pruner is one prune.
type pruner struct {
	PruneOptions
	r    *Repo
	walk Walk
	run  *Run

	packs     map[format.Pack]store.Object
	condemned statement.Condemned
	now       time.Time // the store's time before the roots were listed
	roots     []Head
	forgotten []Head // manifests with marks that are old enough
	erased    []Head // likewise, of manifests that hold what was erased
	erasures  *statement.Erasures
	erasing   int // packs that hold what was erased and are not condemned
	census    *census
	followed  int   // roots
	reached   int64 // calls of reach
	states    map[format.Pack]*packState

	mu     sync.Mutex // guards report while objects are deleted
	report PruneReport
}

func (p *pruner) all(ctx context.Context) (err error) {
	if p.run, err = p.r.begin(ctx); err != nil {
		return err
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	defer p.census.close()
	for _, step := range []func(context.Context) error{
		p.removeManifests, p.sweep, p.rewrite, p.condemn, p.removeErased, p.mergeIndex, p.renewLocks,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look is the first half of rule 8. Its order matters: packs, then condemnations, then roots. A run that relies on a condemned pack
// began before the condemnation. When that is a day old, the run has committed, or never will.
func (p *pruner) look(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.listPacks, p.listCondemned, p.listRoots} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.judge(ctx)
}

func (p *pruner) listPacks(ctx context.Context) error {
	p.packs = map[format.Pack]store.Object{}
	for _, kind := range format.PackKinds {
		for o, err := range p.r.store.List(ctx, kind.Folder()) {
			if err != nil {
				return fmt.Errorf("list the packs: %w", err)
			}
			if hash, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); ok {
				p.packs[format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}] = o
				p.report.Packs.add(o.Size)
			}
		}
	}
	return nil
}

func (p *pruner) listCondemned(ctx context.Context) (err error) {
	if p.now, err = p.run.checkedNow(ctx); err != nil {
		return err
	}
	p.condemned, err = p.r.Condemned(ctx)
	return err
}

// listRoots finds the roots and follows them. Every manifest of every account is a root, even a checkpoint or a late one, until its
// mark is a day old.
func (p *pruner) listRoots(ctx context.Context) error {
	now, err := p.run.checkedNow(ctx)
	if err != nil {
		return err
	}
	for h, err := range p.r.EveryManifest(ctx) {
		switch {
		case err != nil:
			return err
		case p.isRoot(h, now):
			p.roots = append(p.roots, h)
		case h.Erased:
			p.erased = append(p.erased, h)
		default:
			p.forgotten = append(p.forgotten, h)
		}
	}
	p.report.Roots = len(p.roots)
	unmarkedFirst(p.roots)
	if p.erasures, err = p.r.Erasures(ctx); err != nil {
		return err
	}
	// The index is read after the roots, because what they need was indexed before they were put.
	if p.census, err = p.r.newCensus(ctx); err != nil {
		return err
	}
	for i, h := range p.roots {
		p.followed = i
		if err := p.follow(ctx, h); err != nil {
			p.census.close()
			return err
		}
		p.tell(Progress{Step: stepFollowed, Done: int64(i + 1), Of: int64(len(p.roots))})
	}
	if err := p.followErased(ctx); err != nil {
		p.census.close()
		return err
	}
	return nil
}

const stepFollowed = "manifests followed"

// reach records that a chunk is needed.
func (p *pruner) reach(id chunk.ID) (first bool, err error) {
	if p.reached++; p.reached%progressEvery == 0 {
		p.tell(Progress{Step: stepFollowed, Done: int64(p.followed), Of: int64(len(p.roots))})
	}
	return p.census.reach(id)
}

func (p *pruner) isRoot(h Head, now time.Time) bool {
	return !h.Marked || now.Sub(h.Since) < Grace
}

// follow walks a root. If another prune has deleted it or its packs in the meantime, it is no longer a root.
func (p *pruner) follow(ctx context.Context, h Head) error {
	err := p.walk(ctx, h, p.reach)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if marks, failed := p.r.Marks(ctx); failed == nil {
		now, failed := p.run.checkedNow(ctx)
		m, marked := marks[h.Name]
		h.Marked, h.Since = marked, m.Since
		if failed == nil && !p.isRoot(h, now) {
			return nil
		}
	}
	return fmt.Errorf("nothing is deleted, because what %s needs cannot be read: %w", h.Name, err)
}

// judge combines what the store, the condemnations and the roots say about each pack.
func (p *pruner) judge(ctx context.Context) (err error) {
	p.states = map[format.Pack]*packState{}
	for _, s := range p.census.packs {
		o, listed := p.packs[s.Pack()]
		_, s.condemned = p.condemned[s.Pack()]
		s.listed = listed && uint64(o.Size) == s.Size
		if !listed && !s.condemned {
			if s.newer, err = p.r.exists(ctx, s.Name()); err != nil {
				return err
			}
		}
		p.states[s.Pack()] = s
	}
	if p.report.Lost, err = p.census.tally(); err != nil {
		return err
	}
	for pack := range p.packs {
		if s := p.states[pack]; s != nil && s.listed {
			continue
		}
		there, err := p.r.exists(ctx, pack.String())
		if err != nil {
			return err
		}
		if there { // no other prune has deleted it in the meantime
			p.report.Unread++
			p.leave(pack.String(), errUndescribed)
		}
	}
	return nil
}

// errUndescribed is the error of a pack that stays because its content is not known.
var errUndescribed = errors.New("its content cannot be read, so it stays; run mailstrata check")

// removeManifests deletes manifests that were forgotten a day ago. Their marks stay.
func (p *pruner) removeManifests(ctx context.Context) error {
	var doomed []store.Object
	for _, h := range p.forgotten {
		doomed = append(doomed, store.Object{Name: h.Name, Size: h.Size})
	}
	return p.remove(ctx, "forgotten manifests deleted", doomed, &p.report.Manifests)
}

// renewLocks renews the locks before a run has to, because the run's credentials may not allow it.
func (p *pruner) renewLocks(ctx context.Context) error {
	lock := p.r.Lock()
	if lock == nil || p.DryRun {
		return nil
	}
	done, err := p.r.renew(ctx, p.run.Start(), lock.Interval()/2, p.tell)
	p.report.Renewed, p.report.Locks = done.renewed, done.err
	if changed := p.r.store.CheckDefault(ctx); errors.Is(changed, objectlock.ErrDefault) {
		p.report.Locks = errors.Join(p.report.Locks, changed)
	} else if err == nil {
		err = changed
	}
	return err
}

// remove deletes objects, several at a time. It goes on if the store retains one.
func (p *pruner) remove(ctx context.Context, step string, doomed []store.Object, done *Amount) error {
	var now Progress
	for _, o := range doomed {
		now.AllBytes += o.Size
	}
	now.Step, now.Of = step, int64(len(doomed))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, o := range doomed {
		group.Go(func() error {
			var err error
			if !p.DryRun {
				err = p.r.store.Delete(groupCtx, o.Name)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			now.Done, now.Bytes = now.Done+1, now.Bytes+o.Size
			p.tell(now)
			switch {
			case err == nil:
				done.add(o.Size)
			case errors.Is(err, store.ErrRetained):
				p.report.Retained.add(o.Size)
				p.leave(o.Name, err)
			default:
				return fmt.Errorf("delete %s: %w", o.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *pruner) leave(name string, err error) {
	if p.Left != nil {
		p.Left(name, err)
	}
}

func (p *pruner) tell(now Progress) {
	if p.Progress != nil {
		p.Progress(now)
	}
}
