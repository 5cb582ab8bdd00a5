package census

import (
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Pack is a pack of the index. The prune sets what the store and the condemnations say about it,
// before Tally.
type Pack struct {
	format.PackRow
	Listed      bool      // the store lists it with the size in the index
	Put         time.Time // when it was put, if it is listed
	Condemned   bool
	CondemnedAt time.Time
	Newer       bool // it was put after the packs were listed, so this prune leaves it

	indexed bool // a segment describes it, not only the pack itself

	entries int   // of its chunks in the census
	total   int64 // bytes of its chunks
	kept    int64 // bytes of chunks that are reached and kept in this pack rather than another
	needed  int64 // bytes of chunks that are reached and lie in no pack that counts
	erased  int64 // bytes of chunks that were erased and are not reached
}

// Counts reports whether chunks in the pack count as stored (rule 8). Those in a condemned pack do
// not.
func (p *Pack) Counts() bool { return p.Listed && p.indexed && !p.Condemned }

// Entries returns the number of its chunks in the census.
func (p *Pack) Entries() int { return p.entries }

// Wanted returns the bytes of the chunks that a copy of the pack keeps.
func (p *Pack) Wanted() int64 { return p.kept + p.needed }

// MostlyWanted reports whether more than half of its content is wanted.
func (p *Pack) MostlyWanted() bool { return p.Wanted() > p.total/2 }

// HoldsErased reports whether a chunk in it was erased.
func (p *Pack) HoldsErased() bool { return p.erased > 0 }

// Unused estimates the bytes of the stored pack that are not needed.
func (p *Pack) Unused() int64 {
	if p.total == 0 {
		return 0
	}
	return int64(float64(p.Size) * float64(p.total-p.kept-p.needed) / float64(p.total))
}

// Copied records that what was kept in the pack lies in another now.
func (p *Pack) Copied() { p.kept = 0 }

// over reports whether a chunk of both packs is kept in p.
func (p *Pack) over(q *Pack) bool {
	if p.Size != q.Size {
		return p.Size > q.Size
	}
	return p.Pack().String() < q.Pack().String()
}
