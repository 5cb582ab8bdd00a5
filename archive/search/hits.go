package search

import (
	"iter"

	"github.com/mailstrata/mailstrata/archive"
)

// Hits returns what was found in a manifest as hits.
func Hits(found iter.Seq2[Match, error], contents *archive.Contents) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		for match, err := range found {
			if !yield(&Hit{Match: match, Contents: contents}, err) {
				return
			}
		}
	}
}
