package postings

// SortAtOnce sets how many places of words are sorted at once.
func (b *Builder) SortAtOnce(places uint32) { b.atOnce = places }
