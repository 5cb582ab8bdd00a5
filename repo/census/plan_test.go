package census

import (
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

const day = 24 * time.Hour

var now = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

// pack is a pack that was indexed and listed long ago, with 1000 bytes of chunks.
func pack(name byte, size uint64, change ...func(*Pack)) *Pack {
	p := &Pack{PackRow: format.PackRow{Hash: [32]byte{name}, Size: size}, Listed: true, Put: now.Add(-9 * day), indexed: true, total: 1000}
	for _, c := range change {
		c(p)
	}
	return p
}

func kept(bytes int64) func(*Pack)   { return func(p *Pack) { p.kept = bytes } }
func needed(bytes int64) func(*Pack) { return func(p *Pack) { p.needed = bytes } }
func young(p *Pack)                  { p.Put = now.Add(-day + time.Second) }
func holdsErased(p *Pack)            { p.erased = 1 }
func unlisted(p *Pack)               { p.Listed = false }
func unnamed(p *Pack)                { p.indexed = false }
func since(d time.Duration) func(*Pack) {
	return func(p *Pack) { p.Condemned, p.CondemnedAt = true, now.Add(-d) }
}

// Each pack of the letter is what its comment says, and the plan has it in one list.
func TestPlan(t *testing.T) {
	const large = 40 << 20 // of no generation
	plan := &Plan{Now: now, Grace: day, MaxUnused: 0.1, Census: &Census{packs: []*Pack{
		pack('a', large, kept(1000)),
		pack('b', large),                               // nothing in it is needed
		pack('c', large, young),                        // likewise, but a run may still need it
		pack('d', large, kept(100)),                    // sparse
		pack('e', large, kept(100), young),             // sparse, but young
		pack('f', large, kept(999), holdsErased),       // one byte of it was erased
		pack('g', large, since(day)),                   // condemned a day ago
		pack('h', large, since(day-1)),                 // condemned a little later
		pack('i', large, since(day), needed(1)),        // a chunk of it lies nowhere else
		pack('j', large, since(day), unlisted),         // deleted already
		pack('k', large, unnamed, needed(1000)),        // no segment names it, but a manifest needs it
		pack('l', large, unnamed),                      // no segment names it
		pack('m', large, unlisted, kept(0), needed(1)), // the store lost it
	}}}
	doomed, waiting, living := plan.Condemned()
	useless, stay := plan.Useless()
	for _, list := range []struct {
		what  string
		packs []*Pack
		want  string
	}{
		{"doomed", doomed, "g"}, {"waiting", waiting, "h"}, {"living", living, "ik"},
		{"rewritten", plan.Rewritten(), "df"}, {"useless", useless, "bl"}, {"stay", stay, "acdefk"},
	} {
		if got := names(list.packs); got != list.want {
			t.Errorf("%s: %q, want %q", list.what, got, list.want)
		}
	}
}

func names(packs []*Pack) (all string) {
	packs = slices.SortedFunc(slices.Values(packs), byName)
	for _, p := range packs {
		all += string(p.Hash[:1])
	}
	return all
}

// Small packs are brought together when one generation has manyPacks, with those of the younger
// generations.
func TestPlanSmall(t *testing.T) {
	for _, test := range []struct{ tiny, middle, rewritten int }{
		{manyPacks - 1, 3, 0}, {manyPacks, 3, manyPacks}, {3, manyPacks, 3 + manyPacks}, {3, manyPacks - 1, 0},
	} {
		c := new(Census)
		for i := range test.tiny {
			c.packs = append(c.packs, pack(byte(i), 10<<10, kept(1000)))
		}
		for i := range test.middle {
			c.packs = append(c.packs, pack(byte(100+i), 500<<10, kept(1000)))
		}
		plan := &Plan{Census: c, Now: now, Grace: day, MaxUnused: 0.1}
		if got := len(plan.Rewritten()); got != test.rewritten {
			t.Errorf("%+v: %d packs are rewritten", test, got)
		}
	}
}

// A pack belongs to a generation by its size.
func TestGenerations(t *testing.T) {
	for size, want := range map[int64]int{0: 0, 64<<10 - 1: 0, 64 << 10: 1, 1<<20 - 1: 1, 1 << 20: 2, 16<<20 - 1: 2, fullPack: 3, 32 << 20: 3} {
		if got := generationOf(size); got != want {
			t.Errorf("a pack of %d bytes is of generation %d, not %d", size, got, want)
		}
	}
}
