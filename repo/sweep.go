package repo

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// sweep is the second half of rule 8, and rule 9: a pack that was condemned a day ago is deleted if each of its chunks is
// unreached, or lies in a pack that is listed and not condemned. Living chunks of others are copied; a later sweep deletes.
func (p *pruner) sweep(ctx context.Context) error {
	var doomed []store.Object
	var living []*packState
	for _, s := range p.ordered() {
		o := p.packs[s.Pack()]
		switch {
		case !s.listed || !s.condemned && s.indexed:
		case s.needed > 0:
			living = append(living, s)
		case !s.condemned: // and no segment names it: rewrite's, or condemn's
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

// ordered is the packs by their names.
func (p *pruner) ordered() []*packState {
	all := slices.Clone(p.census.packs)
	slices.SortFunc(all, func(a, b *packState) int { return cmp.Compare(a.Name(), b.Name()) })
	return all
}

// young reports whether a pack may belong to a run that has not committed yet (rule 7).
func (p *pruner) young(s *packState) bool {
	return p.now.Sub(p.packs[s.Pack()].Time) < Grace
}

// condemn is rule 7: packs in which nothing is kept, because nothing in them is reached, or all of it is kept elsewhere.
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

// unused is how many bytes of the pack, as it is stored, are not needed.
func (s *packState) unused() int64 {
	if s.total == 0 {
		return 0
	}
	return int64(float64(s.Size) * float64(s.total-s.kept-s.needed) / float64(s.total))
}
