package optimal

import (
	"math"
	"slices"
)

// rounds is how often a block is parsed. The first block of a frame is parsed once more, because
// nothing is known of it.
const rounds = 2

// parser finds the cheapest sequences of a block.
type parser struct {
	costs costs
	stats statistics
	began bool // a block was parsed

	ways    []way
	found   []match
	foundAt []uint32 // where the matches of a place begin in found
}

// way is the cheapest known way to a place of the block.
type way struct {
	cost     uint32
	literals uint32    // that end here
	length   uint32    // of the match that ends here; 0: a literal
	offset   uint32    // its offset value
	reps     [3]uint32 // offsets that can be repeated; they are known when the parser comes here
}

// reset begins a content of n bytes.
func (p *parser) reset(n int) {
	p.began = false
	if places := min(n, blockSize) + 1; len(p.ways) < places {
		p.ways, p.foundAt = make([]way, places), make([]uint32, places)
		p.found = make([]match, 0, places)
	}
}

// parse appends the sequences of content[at:end], and returns the offsets that the next block can
// repeat.
func (p *parser) parse(f *finder, at, end int, reps [3]uint32, to []sequence) ([]sequence, [3]uint32) {
	block := f.content[at:end]
	n := rounds
	if !p.began {
		p.stats, p.began = *typical(block), true
		n++
	}
	p.found = p.found[:0]
	first := len(to)
	for round := range n {
		p.costs.set(&p.stats)
		p.walk(f, at, end, reps, round == 0)
		to = p.back(len(block), to[:first])
		p.stats.count(block, to[first:])
	}
	return to, p.ways[len(block)].reps
}

// walk finds the cheapest way to each place of a block. It looks for matches in the first round
// only.
func (p *parser) walk(f *finder, begin, end int, reps [3]uint32, search bool) {
	n := end - begin
	for i := range p.ways[:n+1] {
		p.ways[i].cost = math.MaxUint32
	}
	p.ways[0] = way{cost: p.costs.literals(0), reps: reps}
	for i := 0; i < n; {
		here := p.arrive(i)
		if search {
			p.search(f, begin, i)
		}
		p.literal(i, f.content[begin+i])
		long := p.repeated(f, begin, i, n, here)
		for _, m := range p.found[p.foundAt[i]:p.foundAt[i+1]] {
			if m.length < niceMatch || n-i < niceMatch {
				continue
			}
			at := begin + i
			if length := int(f.equal(at-int(m.distance), at, niceMatch, n-i)); length > long {
				p.relax(i, length, m.distance+3, p.costs.offsets[offsetCode(m.distance+3)])
				long = length
			}
		}
		if long > 0 {
			if search {
				p.passOver(f, begin, i, long)
			}
			i += long
			continue
		}
		p.matched(i, n)
		i++
	}
	p.arrive(n)
}

// maxFound bounds the matches of a block that are kept. Above it, only the longest one of each
// place is.
const maxFound = 1 << 20

// search finds the matches of place i.
func (p *parser) search(f *finder, begin, i int) {
	f.skip(begin + i)
	first := len(p.found)
	p.found = f.find(begin+i, p.found)
	if n := len(p.found); n > maxFound && n > first {
		p.found[first] = p.found[n-1]
		p.found = p.found[:first+1]
	}
	p.foundAt[i], p.foundAt[i+1] = uint32(first), uint32(len(p.found))
}

// passOver goes on without a search after a long match at place i. The trees get its end alone: the
// bytes of its middle are found where they were before.
func (p *parser) passOver(f *finder, begin, i, long int) {
	for k := i + 2; k <= i+long; k++ {
		p.foundAt[k] = uint32(len(p.found))
	}
	f.next = max(f.next, begin+i+long-2*niceMatch)
}

// arrive completes the cheapest way to place i: nothing that comes later leads there.
func (p *parser) arrive(i int) *way {
	w := &p.ways[i]
	switch {
	case i == 0:
	case w.length == 0:
		w.reps = p.ways[i-1].reps
	default:
		from := &p.ways[i-int(w.length)]
		w.reps = repeat(from.reps, w.offset, from.literals == 0)
	}
	return w
}

// repeat returns the offsets that can be repeated after a match (RFC 8878 section 3.1.1.5). If no
// literals come before the match, offset values mean the next offset, and 3 the first one less 1.
func repeat(reps [3]uint32, offset uint32, bare bool) [3]uint32 {
	if offset > 3 {
		return [3]uint32{offset - 3, reps[0], reps[1]}
	}
	if bare {
		offset++
	}
	switch offset {
	case 1:
		return reps
	case 2:
		return [3]uint32{reps[1], reps[0], reps[2]}
	case 3:
		return [3]uint32{reps[2], reps[0], reps[1]}
	default:
		return [3]uint32{reps[0] - 1, reps[0], reps[1]}
	}
}

// literal considers the way on by a literal.
func (p *parser) literal(i int, c byte) {
	here, next := &p.ways[i], &p.ways[i+1]
	n := here.literals + 1
	cost := here.cost + p.costs.literal[c] + p.costs.literals(n) - p.costs.literals(n-1)
	if cost < next.cost {
		next.cost, next.literals, next.length = cost, n, 0
	}
}

// repeated considers the ways on by a repeated offset. If one of them is long, it returns its
// length.
func (p *parser) repeated(f *finder, begin, i, n int, here *way) (long int) {
	at := begin + i
	candidates := [3]uint32{here.reps[0], here.reps[1], here.reps[2]}
	if here.literals == 0 {
		candidates = [3]uint32{here.reps[1], here.reps[2], here.reps[0] - 1}
	}
	known := minMatch - 1
	for r, distance := range candidates {
		if distance == 0 || int(distance) > at || n-i < minMatch {
			continue
		}
		if f.content[at-int(distance)] != f.content[at] {
			continue
		}
		offset := uint32(r + 1)
		length := int(f.equal(at-int(distance), at, 0, n-i))
		if length >= niceMatch {
			if length > long {
				p.relax(i, length, offset, p.costs.offsets[offsetCode(offset)])
				long = length
			}
			continue
		}
		for l := known + 1; l <= length; l++ {
			p.relax(i, l, offset, p.costs.offsets[offsetCode(offset)])
		}
		for l := minMatch; l <= min(known, length); l++ {
			p.relax(i, l, offset, p.costs.offsets[offsetCode(offset)])
		}
		known = max(known, length)
	}
	return long
}

// matched considers the ways on by the matches of place i, each with all lengths that no nearer
// match has.
func (p *parser) matched(i, n int) {
	known := minMatch - 1
	for _, m := range p.found[p.foundAt[i]:p.foundAt[i+1]] {
		length := min(int(m.length), n-i)
		cost := p.costs.offsets[offsetCode(m.distance+3)]
		for l := known + 1; l <= length; l++ {
			p.relax(i, l, m.distance+3, cost)
		}
		known = max(known, length)
	}
}

// relax considers the way from place i by a match.
func (p *parser) relax(i, length int, offset, cost uint32) {
	cost += p.ways[i].cost + p.costs.match(uint32(length)) + p.costs.literals(0)
	if to := &p.ways[i+length]; cost < to.cost {
		to.cost, to.literals, to.length, to.offset = cost, 0, uint32(length), offset
	}
}

// back appends the sequences of the cheapest way to place n.
func (p *parser) back(n int, to []sequence) []sequence {
	first := len(to)
	for i := n; i > 0; {
		w := &p.ways[i]
		if w.length == 0 {
			i -= int(w.literals)
			continue
		}
		i -= int(w.length)
		to = append(to, sequence{p.ways[i].literals, w.length, w.offset})
	}
	slices.Reverse(to[first:])
	return to
}
