package census

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Plan decides what a prune does with each pack, once the packs are tallied.
type Plan struct {
	Census *Census
	Now    time.Time     // of the store, before the roots were listed
	Grace  time.Duration // how long a pack is young, and how long a condemned one waits

	// MaxUnused is the share of all packs, from 0 to 1, that may be unused before packs are
	// rewritten.
	MaxUnused float64

	// Compression is that of the packs that the prune writes.
	Compression format.Compression
}

// Condemned divides the packs that are condemned or that no segment names (rules 8 and 9). Doomed
// packs were condemned at least Grace ago, and waiting ones less than Grace ago; nothing in them is
// needed. Of living packs some chunks are needed, and must be copied first. A pack that no segment
// names and in which nothing is needed is in none of the three, but in Useless.
func (p *Plan) Condemned() (doomed, waiting, living []*Pack) {
	for _, s := range p.Census.Packs() {
		switch {
		case !s.Listed || !s.Condemned && s.indexed:
		case s.needed > 0:
			living = append(living, s)
		case !s.Condemned:
		case p.Now.Sub(s.CondemnedAt) >= p.Grace:
			doomed = append(doomed, s)
		default:
			waiting = append(waiting, s)
		}
	}
	return doomed, waiting, living
}

// Rewritten returns the packs to rewrite: sparse ones, those that hold what was erased, and small
// ones if a generation has many.
func (p *Plan) Rewritten() []*Pack {
	chosen := p.sparse()
	chosen = append(chosen, p.holdingErased(chosen)...)
	chosen = append(chosen, p.loose(chosen)...)
	chosen = append(chosen, p.small(chosen)...)
	slices.SortFunc(chosen, byName)
	return chosen
}

// Useless divides the listed packs that are not condemned: those in which nothing is kept, because
// nothing in them is needed or all of it is kept elsewhere (rule 7), and those that stay. It leaves
// young packs.
func (p *Plan) Useless() (useless, stay []*Pack) {
	for _, s := range p.Census.Packs() {
		switch {
		case !s.Listed || s.Condemned:
		case s.kept == 0 && s.needed == 0 && !p.young(s):
			useless = append(useless, s)
		default:
			stay = append(stay, s)
		}
	}
	return useless, stay
}

// young reports whether a pack may belong to a run that has not committed yet (rule 7).
func (p *Plan) young(s *Pack) bool {
	return p.Now.Sub(s.Put) < p.Grace
}

// rewritable reports whether a pack is old enough to be condemned and something in it is kept.
func (p *Plan) rewritable(s *Pack) bool { return s.Counts() && s.kept > 0 && !p.young(s) }

// sparse returns the packs to rewrite so that no more than MaxUnused of all bytes are unused. It
// takes packs with the largest unused share first.
func (p *Plan) sparse() (chosen []*Pack) {
	var all []*Pack
	var used, unused int64
	for _, s := range p.Census.Packs() {
		if s.Counts() && s.kept > 0 {
			used += int64(s.Size) - s.Unused()
			unused += s.Unused()
		}
		if p.rewritable(s) && s.Unused() > 0 {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *Pack) int {
		return cmp.Compare(float64(b.Unused())/float64(b.Size), float64(a.Unused())/float64(a.Size))
	})
	for _, s := range all {
		if float64(unused) <= p.MaxUnused*float64(used+unused) {
			break
		}
		chosen = append(chosen, s)
		unused -= s.Unused()
	}
	return chosen
}

// leastLoose is the content from which packs are rewritten for maximal compression: so much that
// some frames become large.
const leastLoose = 32 << 20

// loose returns the packs of mail to rewrite for maximal compression: those without a large frame,
// if they are many.
func (p *Plan) loose(but []*Pack) (chosen []*Pack) {
	if p.Compression != format.Max {
		return nil
	}
	var all, sum uint64
	var content int64
	for _, s := range p.Census.Packs() {
		if s.Kind != format.PackNumber(format.KindData) || !s.Counts() {
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

// small returns the packs that are brought together. If packs of one kind are, half as many of the
// other kind are enough, so that one condemnation names both.
func (p *Plan) small(but []*Pack) (chosen []*Pack) {
	var few [][]*Pack
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

// together returns the packs of a kind of the oldest generation that has at least so many, and of
// all younger ones.
func (p *Plan) together(kind uint8, least int, but []*Pack) []*Pack {
	var all [generations][]*Pack
	for _, s := range p.Census.Packs() {
		if g := generationOf(int64(s.Size)); s.Kind == kind && g < generations && p.rewritable(s) &&
			!slices.Contains(but, s) {
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
func (p *Plan) holdingErased(but []*Pack) (chosen []*Pack) {
	for _, s := range p.Census.Packs() {
		if s.HoldsErased() && p.rewritable(s) && !slices.Contains(but, s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}
