package fulltext_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// benchMaildir is a directory of files with one message each.
const benchMaildir = "MAILSTRATA_BENCH_MAILDIR"

// corpus reads the messages of the directory. It skips the test if there is none.
func corpus(b testing.TB) (all [][]byte) {
	dir := os.Getenv(benchMaildir)
	if dir == "" {
		b.Skipf("set %s", benchMaildir)
	}
	must(b, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		message, err := os.ReadFile(path)
		all = append(all, message)
		return err
	}))
	return all
}

// extracted returns a message for the index, with its text.
func extracted(b testing.TB, n int, raw []byte) (m fulltext.Message) {
	t := extract.Message(b.Context(), raw, nil)
	m = fulltext.Message{Hash: hash(n), Date: time.Unix(1_400_000_000+int64(n*7919%100_000)*1000, 0)}
	m.Fields = words.Fields{From: t.From, To: t.To, Subject: t.Subject, Body: t.Body}
	for _, a := range t.Attachments {
		m.Fields.Attachments = append(m.Fields.Attachments, a.Name+"\n"+a.Text)
	}
	return m
}

// textsOf returns all texts of a message.
func textsOf(f *words.Fields) []string {
	return slices.Concat([]string{f.From, f.To, f.Subject}, f.Body, f.Attachments)
}

// BenchmarkCorpus builds an index of the messages in a directory. It reports CPU seconds for 100 MB
// of raw mail: of extraction, which is not part of an index, and of the index.
func BenchmarkCorpus(b *testing.B) {
	messages := corpus(b)
	var all []fulltext.Message
	var raw, text int64
	extracting := cpu(b, func() {
		for n, message := range messages {
			all = append(all, extracted(b, n, message))
			raw += int64(len(message))
		}
	})
	for i := range all {
		for _, t := range textsOf(&all[i].Fields) {
			text += int64(len(t))
		}
	}
	b.Logf("%d messages, %d MB raw, %d MB of text", len(all), raw/1e6, text/1e6)
	var indexing time.Duration
	for b.Loop() {
		x := open(b, b.TempDir())
		indexing += cpu(b, func() {
			for rest := all; len(rest) > 0; {
				n := min(2000, len(rest))
				add(b, x, rest[:n]...)
				rest = rest[n:]
			}
		})
		status, err := x.Status(b.Context())
		must(b, err)
		b.ReportMetric(float64(status.Bytes)/float64(text), "size/text")
	}
	b.ReportMetric(extracting.Seconds()/float64(raw)*1e8, "extract-s/100MB")
	b.ReportMetric(indexing.Seconds()/float64(b.N)/float64(raw)*1e8, "index-s/100MB")
}

// corpusMessages is how many messages of a corpus are searched without an index, for each query.
const corpusMessages = 3000

// TestCorpusEqualsMatch compares the hits of the index with words.Query.Match for 1,000 queries
// made of the words of a corpus.
func TestCorpusEqualsMatch(t *testing.T) {
	messages := corpus(t)
	r := rand.New(rand.NewPCG(14, 14))
	r.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	var all []fulltext.Message
	for n, message := range messages[:min(len(messages), corpusMessages)] {
		all = append(all, extracted(t, n, message))
	}
	x := open(t, t.TempDir())
	add(t, x, all...)
	queries := make(chan string)
	go func() {
		defer close(queries)
		for range 1000 {
			queries <- corpusQuery(r, all)
		}
	}()
	var searching sync.WaitGroup
	var mu sync.Mutex
	tried, matched := 0, 0
	for range 2 {
		searching.Go(func() {
			for query := range queries {
				q, err := words.Parse(query)
				if err != nil {
					continue
				}
				var want []chunk.ID
				for i := range all {
					if q.Match(&all[i].Fields) {
						want = append(want, all[i].Hash)
					}
				}
				var got []chunk.ID
				for hit, err := range x.Search(t.Context(), q, fulltext.Bounds{}) {
					if err != nil {
						t.Errorf("%q: %v", query, err)
						break
					}
					got = append(got, hit.Hash)
				}
				if !sameMembers(got, want) {
					t.Errorf("%q (%v): index finds %d, Match %d\n%s", query, q.Words, len(got), len(want), difference(got, want))
				}
				mu.Lock()
				if tried++; len(want) > 0 {
					matched++
				}
				mu.Unlock()
			}
		})
	}
	searching.Wait()
	t.Logf("%d queries, %d with hits, in %d messages", tried, matched, len(all))
	if tried < 800 || matched < 500 {
		t.Errorf("%d queries, %d with hits, show little", tried, matched)
	}
}

// sameMembers reports whether two lists have the same messages, each once.
func sameMembers(a, b []chunk.ID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, chunk.ID.Compare)
	slices.SortFunc(b, chunk.ID.Compare)
	return slices.Equal(a, b)
}

// corpusQuery makes a query of the texts of messages.
func corpusQuery(r *rand.Rand, all []fulltext.Message) string {
	var parts []string
	for range 1 + r.IntN(3) {
		part := corpusTerm(r, &all[r.IntN(len(all))].Fields)
		if r.IntN(6) == 0 {
			part = words.Columns[r.IntN(len(words.Columns))].String() + ":" + part
		}
		if r.IntN(5) == 0 {
			part = "-" + part
		}
		if len(parts) > 0 && r.IntN(3) == 0 {
			parts = append(parts, "OR")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

// corpusTerm makes a word, a prefix or a phrase of a text as it is written there, so that the
// parser has to find the words.
func corpusTerm(r *rand.Rand, f *words.Fields) string {
	texts := slices.DeleteFunc(textsOf(f), func(text string) bool { return text == "" })
	if len(texts) == 0 {
		return "has:attachment"
	}
	text := texts[r.IntN(len(texts))]
	var places []words.Word
	words.Scan(text, func(w words.Word) bool {
		places = append(places, words.Word{Start: w.Start, End: w.End})
		return len(places) < 100_000
	})
	if len(places) == 0 {
		return "has:attachment"
	}
	first := r.IntN(len(places))
	last := min(first+r.IntN(6), len(places)-1)
	switch r.IntN(3) {
	case 0:
		return quote(text[places[first].Start:places[first].End])
	case 1:
		word := []rune(text[places[first].Start:places[first].End])
		return quote(string(word[:1+r.IntN(len(word))])) + "*"
	}
	return quote(text[places[first].Start:places[last].End])
}

// quote puts a text in quotes, if it can stand in them.
func quote(text string) string {
	text = strings.Map(func(c rune) rune {
		if strings.ContainsRune(`"“”„‟`, c) || c == utf8.RuneError {
			return ' '
		}
		return c
	}, text)
	return `"` + text + `"`
}
