package postings_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/fulltext/postings"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// memory is a Store that counts what is read.
type memory struct {
	text []byte
	read int
}

var errShort = errors.New("read beyond the end")

func (m *memory) ReadAt(p []byte, offset int64) error {
	if offset < 0 || offset > int64(len(m.text)) || copy(p, m.text[offset:]) < len(p) {
		return errShort
	}
	m.read += len(p)
	return nil
}

// document is a document with a row.
type document struct {
	row    int64
	fields words.Fields
}

// build writes a segment of documents.
func build(t testing.TB, documents []document) (*memory, postings.Meta) {
	t.Helper()
	return buildBy(t, postings.NewBuilder(), documents)
}

func buildBy(t testing.TB, b *postings.Builder, documents []document) (*memory, postings.Meta) {
	t.Helper()
	for i := range documents {
		b.Add(documents[i].row, &documents[i].fields)
	}
	m, meta := &memory{}, postings.Meta{}
	must(t, b.Segments(func(int64) int64 { return 0 }, func(_ int64, segment func(func([]byte) error) (postings.Meta, error)) (err error) {
		meta, err = segment(m.put)
		return err
	}))
	return m, meta
}

func (m *memory) put(p []byte) error {
	m.text = append(m.text, p...)
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, m *memory, meta postings.Meta) *postings.Segment {
	t.Helper()
	s, err := postings.Open(m, meta)
	must(t, err)
	return s
}

func parse(t testing.TB, query string) *words.Query {
	t.Helper()
	q, err := words.Parse(query)
	must(t, err)
	return q
}

// find returns up to n rows that match.
func find(s *postings.Segment, q *words.Query, among []int64, n int) (rows []int64, err error) {
	hits, err := s.Find(q.Words, among)
	for next := uint32(0); err == nil && len(rows) < n; next++ {
		var row int64
		var ok bool
		if row, next, ok, err = hits.Next(next); !ok {
			break
		}
		rows = append(rows, row)
	}
	return rows, err
}

// random makes documents of common and of rare words, with rows from a number on.
func random(r *rand.Rand, first int64, n int) (all []document) {
	text := func(n int) string {
		var text strings.Builder
		for range n {
			fmt.Fprintf(&text, "w%d ", int(3000*r.Float64()*r.Float64()*r.Float64()*r.Float64()))
		}
		return text.String()
	}
	for i := range n {
		d := document{row: first + int64(i)*(1+int64(r.IntN(2)))*3}
		d.fields = words.Fields{From: text(2), Subject: text(3), Body: []string{text(r.IntN(40))}}
		if r.IntN(4) == 0 {
			d.fields.Attachments = []string{text(3), text(2)}
		}
		if i == n/2 {
			d.fields.Body = append(d.fields.Body, strings.Repeat("w1 w2 ", 5000)) // places of one document fill more than a chunk
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b document) int { return cmp.Compare(b.row, a.row) })
	return slices.CompactFunc(all, func(a, b document) bool { return a.row == b.row })
}

var queries = []string{
	"w0", "w1 w2", "w700", "nothing", `"w0 w0"`, `"w0 w1 w2"`, `"w1 w2 w1 w2 w1 w2"`, "w1*", "w2*", "-w0", "w3 -w0", "w5 OR w900", "-w5 OR -w6",
	"subject:w0", "subject:w1*", `"w0 w1*"`, `subject:"w0 w1*"`, "has:attachment w3", `attachment:"w0 w1"`, "(w7 OR w8) -(w1 OR w2)", `"w99 w9*"`, "body:w1* -from:w1*",
}

// TestEqualsMatch compares what is found with what Match says, in all documents and among some.
func TestEqualsMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	documents := random(r, -500, 3000)
	m, meta := build(t, documents)
	s := open(t, m, meta)
	var among []int64
	for _, d := range documents {
		if r.IntN(10) == 0 {
			among = append(among, d.row, d.row-1)
		}
	}
	for _, text := range queries {
		q := parse(t, text)
		var want, wantAmong []int64
		for i := range documents {
			if q.Match(&documents[i].fields) {
				want = append(want, documents[i].row)
				if slices.Contains(among, documents[i].row) {
					wantAmong = append(wantAmong, documents[i].row)
				}
			}
		}
		if got, err := find(s, q, nil, 1e9); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d, %v", text, len(got), len(want), err)
		}
		if got, err := find(s, q, among, 1e9); err != nil || !slices.Equal(got, wantAmong) {
			t.Errorf("%s among some: %d rows, want %d, %v", text, len(got), len(wantAmong), err)
		}
	}
}

// TestMerge shows that a merge writes what a Builder writes of all documents that are not gone,
// byte for byte.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, share := range []int{0, 3, 1} { // one of how many is gone
		var inputs []*postings.Segment
		var kept []document
		gone := func(row int64) bool { return share > 0 && row/3%int64(share) == 0 }
		for i := range 5 {
			documents := random(r, int64(1000*i), 400)
			documents = slices.DeleteFunc(documents, func(d document) bool {
				return slices.ContainsFunc(kept, func(k document) bool { return k.row == d.row })
			})
			m, meta := build(t, documents)
			inputs = append(inputs, open(t, m, meta))
			kept = append(kept, documents...)
		}
		kept = slices.DeleteFunc(kept, func(d document) bool { return gone(d.row) })
		want, wantMeta := build(t, kept)
		got := &memory{}
		meta, err := postings.Merge(inputs, gone, got.put)
		must(t, err)
		if len(kept) == 0 {
			if meta.Documents != 0 || meta.Size != 0 {
				t.Errorf("all are gone: %d documents in %d bytes", meta.Documents, meta.Size)
			}
			continue
		}
		if !bytes.Equal(got.text, want.text) || !bytes.Equal(meta.Rows, wantMeta.Rows) || !bytes.Equal(meta.Leaves, wantMeta.Leaves) || meta.Documents != len(kept) {
			t.Errorf("one of %d gone: %d bytes of %d documents, want %d of %d", share, len(got.text), meta.Documents, len(want.text), len(kept))
		}
	}
}

// TestSortsInTurns shows that a segment is the same however many places of words are sorted at
// once.
func TestSortsInTurns(t *testing.T) {
	documents := random(rand.New(rand.NewPCG(7, 8)), 0, 300)
	want, wantMeta := build(t, documents)
	for _, places := range []uint32{1, 100, 5000} {
		b := postings.NewBuilder()
		b.SortAtOnce(places)
		got, meta := buildBy(t, b, documents)
		if !bytes.Equal(got.text, want.text) || !bytes.Equal(meta.Rows, wantMeta.Rows) || !bytes.Equal(meta.Leaves, wantMeta.Leaves) {
			t.Errorf("%d at once: the segment differs", places)
		}
	}
}

// TestReadsLittle shows that the newest hits are found without reading the rest of a segment.
func TestReadsLittle(t *testing.T) {
	m, meta := build(t, random(rand.New(rand.NewPCG(5, 6)), 0, 20_000))
	s := open(t, m, meta)
	for _, c := range []struct {
		query string
		most  int
	}{{"w0", 16 << 10}, {`"w0 w1"`, 40 << 10}, {"w1500", 8 << 10}, {"w0 w1500", 100 << 10}, {"nothing", 8 << 10}} {
		m.read = 0
		if _, err := find(s, parse(t, c.query), nil, 20); err != nil || m.read > c.most {
			t.Errorf("%s reads %d of %d bytes, want at most %d, %v", c.query, m.read, len(m.text), c.most, err)
		}
	}
}

// TestAlternatives shows that a text of the body that another one has takes no room, and that of
// others nothing is lost.
func TestAlternatives(t *testing.T) {
	long := strings.Repeat("the old bridge over the river ", 100)
	size := func(body ...string) int64 {
		_, meta := build(t, []document{{1, words.Fields{Body: body}}})
		return meta.Size
	}
	one := size(long)
	for _, body := range [][]string{{long, long}, {"old bridge", long}, {long, "bridge over"}, {long, ""}, {"", long}, {long, long, long}} {
		if got := size(body...); got != one {
			t.Errorf("%.30q: %d bytes, want %d", body, got, one)
		}
	}
	// Each place in a text of equal words is a beginning of the other text that fails late.
	almost := strings.Repeat("a ", 200_000)
	m, meta := build(t, []document{{1, words.Fields{Body: []string{almost, strings.Repeat("a ", 100_000) + "b"}}}})
	if rows, err := find(open(t, m, meta), parse(t, `"a a b"`), nil, 1); err != nil || len(rows) != 1 {
		t.Errorf("%d, %v", rows, err)
	}
}

// FuzzSegment searches and merges what may not be a segment: that is an error or finds rows of it,
// and takes no more memory than the segment has.
func FuzzSegment(f *testing.F) {
	m, meta := build(f, random(rand.New(rand.NewPCG(7, 8)), 0, 60))
	for i := range queries {
		f.Add(m.text, meta.Rows, meta.Leaves, i)
	}
	f.Add([]byte{}, []byte{0}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, text, rows, leaves []byte, query int) {
		if query < 0 || query >= len(queries) {
			return
		}
		s, err := postings.Open(&memory{text: text}, postings.Meta{Rows: rows, Leaves: leaves, Size: int64(len(text))})
		if err != nil {
			return
		}
		got, err := find(s, parse(t, queries[query]), nil, 1e9)
		if all := int(s.From(math.MinInt64)); err == nil && len(got) > all {
			t.Errorf("%d of %d rows", len(got), all)
		}
		_, _ = postings.Merge([]*postings.Segment{s}, func(row int64) bool { return row%2 == 0 }, func([]byte) error { return nil })
	})
}
