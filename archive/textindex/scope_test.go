package textindex_test

import (
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Count returns how many messages a search without an index reads: of one manifest, of all, and of
// those of a size. A search of all manifests can read a message again that is on several pages
// which it reads at once.
func TestCount(t *testing.T) {
	r := newRepo(t, &storetest.Memory{})
	w := newWorld(5)
	for range 4 {
		w.change()
		archivetest.Backup(t, r, w.Account)
	}
	latest, err := archive.Latest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []textindex.Scope{{Repo: r, All: true}, {Repo: r, Manifests: latest}} {
		for _, larger := range []int64{0, 1 << 20} {
			var read atomic.Int64
			q := search.Query{Larger: larger, From: "nobody"}
			messages, bytes, err := scope.Count(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			q.From = ""
			q.Message = &textindex.Matcher{
				Query: &words.Query{Words: &words.Expr{Op: words.Phrase, Words: []string{"nowhere"}}}, Read: func() { read.Add(1) },
			}
			for _, err := range scope.Scan(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if messages > read.Load() || !scope.All && messages < read.Load() || (messages == 0) != (larger > 0) || (bytes <= messages) != (larger > 0) {
				t.Errorf("all %v, larger than %d: %d messages of %d bytes, and %d are read", scope.All, larger, messages, bytes, read.Load())
			}
		}
	}
}
