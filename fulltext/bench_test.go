package fulltext_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// The benchmarks of searches build an index of this many messages first, or use that of an earlier
// run in a directory:
//
//	MAILSTRATA_BENCH_MESSAGES=1000000 MAILSTRATA_BENCH_INDEX=/tmp/index go test -run '^$' -bench Search ./fulltext
const (
	benchMessages = "MAILSTRATA_BENCH_MESSAGES"
	benchIndex    = "MAILSTRATA_BENCH_INDEX"
)

// zipfMessages yields messages whose words have the frequencies of a natural language: w0 is the
// most frequent one.
func zipfMessages(n int) iter.Seq[fulltext.Message] {
	return func(yield func(fulltext.Message) bool) {
		r := rand.New(rand.NewPCG(7, 7))
		common := rand.NewZipf(r, 1.05, 3, 300_000)
		people := rand.NewZipf(r, 1.2, 3, 20_000)
		for i := range n {
			var body strings.Builder
			for range 60 + r.IntN(180) {
				fmt.Fprintf(&body, "w%d ", common.Uint64())
			}
			from, to := people.Uint64(), people.Uint64()
			m := fulltext.Message{Hash: hash(i), Data: []byte{1, 2, 3, 4}}
			m.Date = time.Unix(1_400_000_000+int64(r.IntN(400_000_000)), 0)
			m.Fields = words.Fields{
				From: fmt.Sprintf("First%d Last%d <p%d@mail.example>", from%500, from, from), To: fmt.Sprintf("p%d@mail.example, list%d@lists.example", to, i%20),
				Subject: fmt.Sprintf("Re: w%d w%d w%d", common.Uint64(), common.Uint64(), common.Uint64()), Body: []string{body.String()},
			}
			if i%10 == 0 {
				m.Fields.Attachments = []string{fmt.Sprintf("report-w%d.pdf", common.Uint64())}
			}
			if !yield(m) {
				return
			}
		}
	}
}

// build adds messages in updates of some thousands, and returns the length of their texts.
func build(b *testing.B, x *fulltext.Index, messages iter.Seq[fulltext.Message], perUpdate int) (size int64) {
	next, stop := iter.Pull(messages)
	defer stop()
	for more := true; more; {
		must(b, x.Update(b.Context(), func(u *fulltext.Update) error {
			for range perUpdate {
				m, ok := next()
				if more = ok; !ok {
					return nil
				}
				size += int64(len(m.Fields.From) + len(m.Fields.To) + len(m.Fields.Subject) + len(m.Fields.Body[0]))
				if err := u.Add(b.Context(), m); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return size
}

// BenchmarkBuild builds an index, 20,000 messages an update. It reports the bytes of text a second,
// and the size of the index as a share of them.
func BenchmarkBuild(b *testing.B) {
	const n = 40_000
	var all []fulltext.Message
	for m := range zipfMessages(n) {
		all = append(all, m)
	}
	for b.Loop() {
		x := open(b, b.TempDir())
		size := build(b, x, func(yield func(fulltext.Message) bool) {
			for _, m := range all {
				if !yield(m) {
					return
				}
			}
		}, 20_000)
		status, err := x.Status(b.Context())
		must(b, err)
		b.SetBytes(size)
		b.ReportMetric(float64(status.Bytes)/float64(size), "size/text")
	}
}

// benchmarkIndex returns the index for benchmarks of searches.
func benchmarkIndex(b *testing.B) *fulltext.Index {
	n := 20_000
	if text := os.Getenv(benchMessages); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(b, err)
	}
	dir := os.Getenv(benchIndex)
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, fmt.Sprint(n))
	x := open(b, dir)
	status, err := x.Status(b.Context())
	must(b, err)
	if status.Messages != int64(n) {
		must(b, fulltext.Drop(b.Context(), dir))
		var size int64
		used := cpu(b, func() { size = build(b, x, zipfMessages(n), 20_000) })
		status, err = x.Status(b.Context())
		must(b, err)
		b.Logf("built in %.1f CPU seconds with the making of the messages, in at most %d MB: %d messages, %d MB of text, %d MB of index",
			used.Seconds(), peak(b)/1e6, n, size/1e6, status.Bytes/1e6)
		debug.FreeOSMemory()
	}
	return x
}

// BenchmarkSearch measures the newest 20 hits.
func BenchmarkSearch(b *testing.B) {
	x := benchmarkIndex(b)
	search := func(name, query string, bounds fulltext.Bounds) {
		b.Run(name, func(b *testing.B) {
			q := parse(b, query)
			found := 0
			for b.Loop() {
				found = 0
				for _, err := range x.Search(b.Context(), q, bounds) {
					must(b, err)
					if found++; found == 20 {
						break
					}
				}
			}
			b.ReportMetric(float64(found), "hits")
		})
	}
	for _, c := range []struct{ name, query string }{
		{"common", "w3"}, {"middle", "w1000"}, {"rare", "w250000"}, {"none", "nothing"},
		{"phrase", `"w3 w5"`}, {"phrase of middle words", `"w200 w300"`}, {"phrase of rare words", `"w20000 w30000"`},
		{"phrase of common words that is nowhere", `"w1 w2 w3 w4 w5"`}, {"two", "w3 w5"}, {"two middle words", "w3000 w4000"}, {"three", "w100 w200 w300"}, {"or", "w3 OR w1000"}, {"not", "w3 -w5"}, {"only not", "-w3"},
		{"not at all", "w3 -has:attachment"}, {"prefix", "w12*"}, {"prefix of many words", "w1*"}, {"rare prefix", "w12345*"}, {"prefix of all words", "w0*"},
		{"column", "subject:w5"}, {"sender", "from:p77@mail.example"}, {"attachment", "has:attachment w50"}, {"filename", `attachment:"report w9 pdf"`},
	} {
		search(c.name, c.query, fulltext.Bounds{})
	}
	search("common, before", "w3", fulltext.Bounds{Before: time.Unix(1_500_000_000, 0)})
	search("rare, before", "w20000", fulltext.Bounds{Before: time.Unix(1_500_000_000, 0)})
	var few, many []chunk.ID
	for i := range 100_000 {
		if i < 50 {
			few = append(few, hash(i))
		}
		many = append(many, hash(i))
	}
	search("common, within 50", "w3", fulltext.Bounds{Within: few})
	search("common, within 100,000", "w3", fulltext.Bounds{Within: many})
	search("rare, within 100,000", "w20000", fulltext.Bounds{Within: many})
}

// BenchmarkNight measures an update with 20 new messages.
func BenchmarkNight(b *testing.B) {
	x := benchmarkIndex(b)
	i := 100_000_000
	for b.Loop() {
		var all []fulltext.Message
		for m := range zipfMessages(20) {
			m.Hash, m.Date = hash(i), time.Now()
			i++
			all = append(all, m)
		}
		add(b, x, all...)
	}
	must(b, x.Update(context.Background(), func(u *fulltext.Update) error {
		for ; i > 100_000_000; i-- {
			if err := u.Remove(context.Background(), hash(i-1)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkOpen measures opening an index for one search.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	x := open(b, dir)
	build(b, x, zipfMessages(2000), 1000)
	q := parse(b, "w3")
	for b.Loop() {
		x, err := fulltext.Open(dir, key)
		must(b, err)
		for _, err := range x.Search(b.Context(), q, fulltext.Bounds{}) {
			must(b, err)
			break
		}
		must(b, x.Close())
	}
}
