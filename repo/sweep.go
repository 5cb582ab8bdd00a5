package repo

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// sweep is the second half of rule 8, and rule 9. It deletes a pack that was condemned a day ago if each of its chunks is not needed,
// or lies in another pack that is listed and not condemned. It copies needed chunks of other condemned packs, which a later prune
// deletes.
func (p *pruner) sweep(ctx context.Context) error {
	var doomed []store.Object
	var living []*packState
	for _, s := range p.ordered() {
		o := p.packs[s.Pack()]
		switch {
		case !s.listed || !s.condemned && s.indexed:
		case s.needed > 0:
			living = append(living, s)
		case !s.condemned: // no segment names it; rewrite or condemn handles it
		case p.now.Sub(p.condemned[s.Pack()]) >= Grace:
			doomed = append(doomed, o)
		default:
			p.report.Waiting.add(o.Size)
		}
	}
	if err := p.remove(ctx, "packs deleted", doomed, &p.report.Deleted); err != nil {
		return err
	}
	_, err := p.copy(ctx, living)
	return err
}

// ordered returns the packs in the order of their names.
func (p *pruner) ordered() []*packState {
	all := slices.Clone(p.census.packs)
	slices.SortFunc(all, func(a, b *packState) int { return cmp.Compare(a.Name(), b.Name()) })
	return all
}

// young reports whether a pack may belong to a run that has not committed yet (rule 7).
func (p *pruner) young(s *packState) bool {
	return p.now.Sub(p.packs[s.Pack()].Time) < Grace
}

// condemn is rule 7. It condemns packs in which nothing is kept, because nothing in them is needed, or all of it is kept elsewhere.
func (p *pruner) condemn(ctx context.Context) error {
	var packs []format.Pack
	for _, s := range p.ordered() {
		if s.listed && s.erased > 0 {
			p.report.Erased.add(int64(s.Size))
		}
		switch {
		case !s.listed || s.condemned:
		case s.kept == 0 && s.needed == 0 && !p.young(s):
			packs = append(packs, s.Pack())
			p.report.Condemned.add(int64(s.Size))
		default:
			p.report.Unused += s.unused()
			if s.erased > 0 {
				p.erasing++
			}
		}
	}
	if p.DryRun || len(packs) == 0 {
		return nil
	}
	return p.r.Condemn(ctx, packs)
}

// unused estimates the bytes of the stored pack that are not needed.
func (s *packState) unused() int64 {
	if s.total == 0 {
		return 0
	}
	return int64(float64(s.Size) * float64(s.total-s.kept-s.needed) / float64(s.total))
}
