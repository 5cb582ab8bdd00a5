package census

// Each night leaves a pack or two. A prune brings packs together by generations, as a
// log-structured merge tree does: if a generation has many packs, all of them and those of younger
// generations become one pack, or a few, of an older generation. So there are few packs at any
// time, and each byte is written again at most once for each generation.
const (
	// manyPacks is the number of packs of a kind and a generation that are brought together. A pack
	// is as many times larger than the smallest of the generation before.
	manyPacks = 16

	// generations is the number of generations of packs that are brought together. Larger packs are
	// full.
	generations = 3

	// fullPack is the size from which a pack is full: half of that to which a writer fills it.
	fullPack = 16 << 20
)

// generationOf returns the generation of a pack of a size: 0 below 64 KiB, 1 below 1 MiB, 2 below
// 16 MiB, 3 if it is full.
func generationOf(size int64) int {
	g := generations
	for limit := int64(fullPack); g > 0 && size < limit; limit /= manyPacks {
		g--
	}
	return g
}
