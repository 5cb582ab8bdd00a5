package repo

import (
	"cmp"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// plan decides what a prune does with each pack.
type plan struct{ survey }

// dead returns the packs that were condemned a day ago and are no longer needed, and those of which chunks must be copied first. It
// counts the packs that must wait.
func (p *plan) dead() (doomed []store.Object, living []*packState) {
	for _, s := range p.census.ordered() {
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
	return doomed, living
}

// rewritten returns the packs to rewrite: sparse ones, those that hold what was erased, and small ones if a generation has
// many.
func (p *plan) rewritten() []*packState {
	chosen := p.sparse()
	chosen = append(chosen, p.holdingErased(chosen)...)
	chosen = append(chosen, p.loose(chosen)...)
	chosen = append(chosen, p.small(chosen)...)
	slices.SortFunc(chosen, byName)
	return chosen
}

// young reports whether a pack may belong to a run that has not committed yet (rule 7).
func (p *plan) young(s *packState) bool {
	return p.now.Sub(p.packs[s.Pack()].Time) < Grace
}

// rewritable reports whether a pack is old enough to be condemned and something in it is kept.
func (p *plan) rewritable(s *packState) bool { return s.counts() && s.kept > 0 && !p.young(s) }

// sparse returns the packs to rewrite so that no more than MaxUnused of all bytes are unused. It takes packs with the largest
// unused share first.
func (p *plan) sparse() (chosen []*packState) {
	var all []*packState
	var used, unused int64
	for _, s := range p.census.ordered() {
		if s.counts() && s.kept > 0 {
			used += int64(s.Size) - s.unused()
			unused += s.unused()
		}
		if p.rewritable(s) && s.unused() > 0 {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *packState) int {
		return cmp.Compare(float64(b.unused())/float64(b.Size), float64(a.unused())/float64(a.Size))
	})
	for _, s := range all {
		if float64(unused) <= p.MaxUnused*float64(used+unused) {
			break
		}
		chosen = append(chosen, s)
		unused -= s.unused()
	}
	return chosen
}

// leastLoose is the content from which packs are rewritten for MaxCompression: so much that some frames become large.
const leastLoose = 32 << 20

// loose returns the packs of mail to rewrite for MaxCompression: those without a large frame, if they are many.
func (p *plan) loose(but []*packState) (chosen []*packState) {
	if p.Compression != MaxCompression {
		return nil
	}
	var all, sum uint64
	var content int64
	for _, s := range p.census.ordered() {
		if s.Kind != format.PackNumber(format.KindData) || !s.counts() {
			continue
		}
		all += s.Size
		if p.rewritable(s) && !slices.ContainsFunc(s.Lengths, format.Large) && !slices.Contains(but, s) {
			chosen, sum, content = append(chosen, s), sum+s.Size, content+s.kept
		}
	}
	if sum <= all/4 || content < leastLoose {
		return nil
	}
	return chosen
}

// small returns the packs that are brought together. If packs of one kind are, half as many of the other kind are enough, so that one
// condemnation names both.
func (p *plan) small(but []*packState) (chosen []*packState) {
	var few [][]*packState
	for kind := range format.PackKinds {
		many := p.together(uint8(kind), manyPacks, but)
		if many == nil {
			few = append(few, p.together(uint8(kind), manyPacks/2, but))
		}
		chosen = append(chosen, many...)
	}
	if len(chosen) > 0 {
		chosen = append(chosen, slices.Concat(few...)...)
	}
	return chosen
}

// together returns the packs of a kind of the oldest generation that has at least so many, and of all younger ones.
func (p *plan) together(kind uint8, least int, but []*packState) []*packState {
	var all [generations][]*packState
	for _, s := range p.census.ordered() {
		if g := generationOf(int64(s.Size)); s.Kind == kind && g < generations && p.rewritable(s) && !slices.Contains(but, s) {
			all[g] = append(all[g], s)
		}
	}
	for g := generations - 1; g >= 0; g-- {
		if len(all[g]) >= least {
			return slices.Concat(all[:g+1]...)
		}
	}
	return nil
}

// holdingErased returns the packs that hold erased and needed chunks, except those in but.
func (p *plan) holdingErased(but []*packState) (chosen []*packState) {
	for _, s := range p.census.ordered() {
		if s.erased > 0 && p.rewritable(s) && !slices.Contains(but, s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// unused estimates the bytes of the stored pack that are not needed.
func (s *packState) unused() int64 {
	if s.total == 0 {
		return 0
	}
	return int64(float64(s.Size) * float64(s.total-s.kept-s.needed) / float64(s.total))
}

// wanted reports whether a chunk of the pack is needed, and is kept there or nowhere. n is the number of the chunk in the census.
func (p *plan) wanted(s *packState, prefix chunk.Prefix) (n int64, wanted bool, err error) {
	at, err := p.census.find(prefix)
	if err != nil || !at.reached {
		return 0, false, err
	}
	keeper := p.census.keptIn(at)
	return at.n, keeper == nil || keeper == s, nil
}
