package prune

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// survey holds what a prune finds: the packs, the condemnations, the roots, and the chunks that the
// roots need.
type survey struct {
	deleter
	walk Walk

	packs     map[format.Pack]store.Object
	condemned statement.Condemned
	now       time.Time // the store's time before the roots were listed
	roots     []head.Head
	forgotten []head.Head // manifests with marks that are old enough
	erased    []head.Head // likewise, of manifests that hold what was erased
	erasures  *statement.Erasures
	census    *census.Census
	followed  int   // number of roots that were followed
	reached   int64 // number of calls of reach
}

// look lists packs, then condemnations, then roots, and follows the roots (first half of rule 8).
// The order matters: a run that relies on a condemned pack began before the condemnation. When the
// condemnation is a day old, the run has committed, or never will.
func (s *survey) look(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.listPacks, s.listCondemned, s.listRoots} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return s.judge(ctx)
}

func (s *survey) listPacks(ctx context.Context) error {
	s.packs = map[format.Pack]store.Object{}
	return s.r.EachPack(ctx, func(pack format.Pack, o store.Object) error {
		s.packs[pack] = o
		s.report.Packs.add(o.Size)
		return nil
	})
}

func (s *survey) listCondemned(ctx context.Context) (err error) {
	if s.now, err = s.r.Now(ctx); err != nil {
		return err
	}
	s.condemned, err = s.r.Condemned(ctx)
	return err
}

// listRoots finds the roots and follows them. Every manifest of every account is a root, even a
// checkpoint or a late one, until its mark is a day old.
func (s *survey) listRoots(ctx context.Context) error {
	now, err := s.r.Now(ctx)
	if err != nil {
		return err
	}
	for h, err := range s.r.Manifests(ctx) {
		switch {
		case err != nil:
			return err
		case s.isRoot(h, now):
			s.roots = append(s.roots, h)
			if h.Marked {
				s.report.Marked++
				s.report.MarkedFrom = later(s.report.MarkedFrom, h.Since.Add(clock.Grace))
			}
		case h.Erased:
			s.erased = append(s.erased, h)
		default:
			s.forgotten = append(s.forgotten, h)
		}
	}
	s.report.Roots = len(s.roots)
	unmarkedFirst(s.roots)
	if s.erasures, err = s.r.Erasures(ctx); err != nil {
		return err
	}
	// The index is read after the roots, because what they need was indexed before they were put.
	if s.census, err = s.takeCensus(ctx); err != nil {
		return err
	}
	err = s.walk(ctx, s.roots, s.reach, func(h head.Head, err error) error {
		if err = s.mustFollow(ctx, h, err); err == nil {
			s.followed++
			s.step(objects.Progress{Step: stepFollowed, Done: int64(s.followed), Of: int64(len(s.roots))})
		}
		return err
	})
	if err == nil {
		err = s.followErased(ctx)
	}
	if err != nil {
		s.census.Close()
	}
	return err
}

const stepFollowed = "manifests followed"

// progressEvery is the number of chunks between two reports of a walk.
const progressEvery = 1 << 12

// reach records that a chunk is needed.
func (s *survey) reach(id chunk.ID, like uint64) (first bool, err error) {
	if s.reached++; s.reached%progressEvery == 0 {
		s.step(objects.Progress{Step: stepFollowed, Done: int64(s.followed), Of: int64(len(s.roots))})
	}
	return s.census.Reach(id, like)
}

func (s *survey) isRoot(h head.Head, now time.Time) bool {
	return !h.Marked || now.Sub(h.Since) < clock.Grace
}

// mustFollow returns an error if a root could not be followed. If another prune has deleted it or
// its packs in the meantime, it is no longer a root.
func (s *survey) mustFollow(ctx context.Context, h head.Head, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if marks, failed := s.r.Marks(ctx); failed == nil {
		now, failed := s.r.Now(ctx)
		m, marked := marks[h.Name]
		h.Marked, h.Since = marked, m.Since
		if failed == nil && !s.isRoot(h, now) {
			return nil
		}
	}
	return fmt.Errorf("nothing is deleted, because what %s needs cannot be read: %w", h.Name, err)
}

// judge combines what the store, the condemnations and the roots say about each pack.
func (s *survey) judge(ctx context.Context) (err error) {
	counted := map[format.Pack]bool{}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(asksAtOnce)
	for _, p := range s.census.Packs() {
		o, listed := s.packs[p.Pack()]
		p.CondemnedAt, p.Condemned = s.condemned[p.Pack()]
		p.Listed, p.Put = listed && uint64(o.Size) == p.Size, o.Time
		if !listed && !p.Condemned {
			group.Go(func() (err error) {
				p.Newer, err = s.r.Exists(groupCtx, p.Name())
				return err
			})
		}
		counted[p.Pack()] = p.Listed
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if s.report.Lost, err = s.census.Tally(); err != nil {
		return err
	}
	for pack := range s.packs {
		if counted[pack] {
			continue
		}
		there, err := s.r.Exists(ctx, pack.String())
		if err != nil {
			return err
		}
		if there { // no other prune has deleted it in the meantime
			s.report.Unread++
			s.leave(pack.String(), errUndescribed)
		}
	}
	return nil
}

// takeCensus returns a census of all entries of the index, and of those in packs that no segment
// describes.
func (s *survey) takeCensus(ctx context.Context) (*census.Census, error) {
	x, err := s.r.Index(ctx)
	if err != nil {
		return nil, err
	}
	f, indexed, err := x.All(ctx)
	if err != nil {
		return nil, err
	}
	return census.New(f, indexed, s.r.Cache.SpoolFile)
}

// asksAtOnce is the number of packs that a prune looks for at once.
const asksAtOnce = 32

// errUndescribed is the error of a pack that stays because its content is not known.
var errUndescribed = errors.New("its content cannot be read, so it stays; run mailstrata check")

// gone reports whether a pack was deleted, by this prune or before: it was condemned and is not in
// the store.
func (s *survey) gone(pack format.Pack) bool {
	_, condemned := s.condemned[pack]
	_, listed := s.packs[pack]
	return condemned && !listed
}
