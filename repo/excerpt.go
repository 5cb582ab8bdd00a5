package repo

import (
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Excerpt returns the excerpt of a frame that KeepExcerpt kept on this host. It is what KeepExcerpt
// was given, because it is authenticated.
func (rd *Reader) Excerpt(f format.Frame) (excerpt []byte, kept bool) {
	cache := rd.cache(format.KindData)
	sealed, found := cache.Excerpt(f)
	if !found {
		return nil, false
	}
	return rd.r.objects.Seals.LocalKey(format.KindData).Open(excerptOf(f), sealed)
}

// KeepExcerpt keeps an excerpt of a frame of mail on this host, in place of the one before: what
// the caller needs of it again and again. It is sealed under a key that follows from the identities
// that open mail, so a search reads it without opening the pack. It is removed with the pack. What
// cannot be kept is not kept, and no error.
func (rd *Reader) KeepExcerpt(f format.Frame, excerpt []byte) {
	cache := rd.cache(format.KindData)
	if cache == nil || len(excerpt) == 0 {
		return
	}
	cache.KeepExcerpt(f, rd.r.objects.Seals.LocalKey(format.KindData).Seal(excerptOf(f), excerpt))
}

// KeepsExcerpts reports whether this host keeps excerpts.
func (rd *Reader) KeepsExcerpts() bool { return rd.r.CanRead() && rd.cache(format.KindData) != nil }

// excerptOf returns what an excerpt is bound to: its frame.
func excerptOf(f format.Frame) string { return fmt.Sprintf("%s %d", f.Pack, f.Offset) }
