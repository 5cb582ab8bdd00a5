package textindex_test

import (
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// BenchmarkNights measures searches in all of many nights, with five new messages each and flags
// that change:
//
//	MAILSTRATA_BENCH_NIGHTS=3650 go test -run '^$' -bench Nights ./archive/textindex
func BenchmarkNights(b *testing.B) {
	nights := 30
	if text := os.Getenv("MAILSTRATA_BENCH_NIGHTS"); text != "" {
		var err error
		if nights, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	store := new(storetest.Memory)
	r, err := repo.Init(b.Context(), store, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: b.TempDir()}})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	a := archivetest.NewAccount()
	box := a.Mailbox("INBOX")
	for night := range nights {
		store.Advance(24 * time.Hour)
		for i := range 5 {
			box.Add(fmt.Sprintf("Subject: night %d\r\n\r\nthe body %d of word%d\r\n", night, i, night%100))
		}
		if night%1000 == 0 {
			a.Mailbox("Tiny").Add(fmt.Sprintf("Subject: tiny %d\r\n\r\nthe body\r\n", night))
		}
		box.SetFlags(box.Messages[night*2].UID, `\Flagged`)
		if result := archivetest.TryBackup(b.Context(), r, a); result.Err != nil {
			b.Fatal(result.Err)
		}
	}
	x, _, err := textindex.Open(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	var live *textindex.Live
	bring := func(b *testing.B) {
		if live, _, err = x.Bring(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first index", func(b *testing.B) { bring(b) })
	b.Run("nothing new", func(b *testing.B) {
		for b.Loop() {
			bring(b)
		}
	})
	find := func(name, query string, all func(*words.Query) iter.Seq2[*search.Hit, error]) {
		q, err := words.Parse(query)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n = 0
				for _, err := range all(q) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n == 20 && !strings.HasPrefix(name, "flag") { // those with flags come in no order of dates
						break
					}
				}
			}
			b.ReportMetric(float64(n), "hits")
		})
	}
	indexed := func(wants func(*mail.Mailbox) bool) func(q *words.Query) iter.Seq2[*search.Hit, error] {
		return func(q *words.Query) iter.Seq2[*search.Hit, error] {
			return x.All(b.Context(), live, textindex.Search{Words: q, Wants: wants})
		}
	}
	find("all", "", indexed(nil))
	find("common word", "body", indexed(nil))
	find("rarer word", "word7", indexed(nil))
	find("common word in a tiny mailbox", "body", indexed(func(m *mail.Mailbox) bool { return m.Name == "Tiny" }))
	flagged := func(q *words.Query) iter.Seq2[*search.Hit, error] {
		s := search.Query{Flags: []string{`\Flagged`}}
		if err := x.Restrict(b.Context(), live, q, &s); err != nil {
			b.Fatal(err)
		}
		return search.FindAll(b.Context(), r, "", s, func(*manifest.Mailbox) bool { return true })
	}
	find("flag", "word7", flagged)
	find("flag of one message", `"night 20" "body 2"`, flagged)
	find("flag without words", "body", func(*words.Query) iter.Seq2[*search.Hit, error] {
		return search.FindAll(b.Context(), r, "", search.Query{Flags: []string{`\Flagged`}}, nil)
	})
}
