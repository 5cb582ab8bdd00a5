package fulltext_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// vocabulary has words of many scripts, and text that could be taken for syntax. It is small, so
// that queries match.
var vocabulary = []string{
	"bridge", "Bridge", "bridges", "river", "a", "the", "of", "C++", "it's", "don’t", "foo-bar", "foo", "bar", "a@b.c", "b", "c",
	"Straße", "STRASSE", "Äpfel", "A\u0308pfel", "naïve", "ﬁnance", "Ｆｕｌｌ", "½", "m²", "Σίσυφος", "ΣΊΣΥΦΟΣ", "ёлка", "елка", "йод",
	"и\u0306од", "їжак", "東京都", "京都", "東", "京", "日本語テキスト", "か\u3099", "が", "ガラス", "ｶﾞﾗｽ", "한국어", "\u1112\u1161\u11ab국",
	"ภาษาไทย", "ไทย", "ភាសាខ្មែរ", "မြန်မာ", "ລາວ", "كِتَاب", "كتاب", "שָׁלוֹם", "שלום", "हिन्दी", "हिन्द", "தமிழ்", "soft\u00adhyphen", "zero\u200bwidth",
	"NOT", "AND", "OR", "NEAR(a b)", "sender:foo", "body", "^foo", "{foo}", "foo*bar", `"`, `""`, "'", ";", "--", "*", "(", ")", "-", "+", ":", "\x00",
	"a\x00b", "\xff", "\xed\xa0\x80", "\xf0\x9f\x98", "😀", "\ufffd", "\ue000", "\ue001", "\ue002", "SELECT", "rowid", "text", "\ufeffbom",
	strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", 129) + "y", strings.Repeat("ä", 100), strings.Repeat("long", 100),
	strings.Repeat("字", 60),
}

var separators = []string{" ", " ", " ", " ", "\n", "\t", ", ", ". ", "-", "", "\u00a0", "—", "\r\n> "}

func randomText(r *rand.Rand, most int) string {
	var text strings.Builder
	for range r.IntN(most) {
		text.WriteString(vocabulary[int(float64(len(vocabulary))*r.Float64()*r.Float64())])
		text.WriteString(separators[r.IntN(len(separators))])
	}
	return text.String()
}

func randomMessage(r *rand.Rand, n int) fulltext.Message {
	m := fulltext.Message{Hash: hash(n), Date: day(20 * n)} // of eleven years
	m.Fields = words.Fields{From: randomText(r, 4), To: randomText(r, 6), Subject: randomText(r, 5)}
	for range r.IntN(3) {
		m.Fields.Body = append(m.Fields.Body, randomText(r, 30))
	}
	if r.IntN(2) == 0 && m.Fields.Body != nil { // an alternative, which has the same words or some of them
		text := strings.Fields(m.Fields.Body[0])
		from := r.IntN(3)
		text = text[min(from, len(text)):max(min(from, len(text)), len(text)-r.IntN(3))]
		m.Fields.Body = slices.Insert(m.Fields.Body, r.IntN(2), strings.Join(text, "\n"))
	}
	for range max(0, r.IntN(5)-2) {
		m.Fields.Attachments = append(m.Fields.Attachments, randomText(r, 10))
	}
	return m
}

// randomQuery returns a query. Many are not valid.
func randomQuery(r *rand.Rand, depth int) string {
	var all []string
	for range 1 + r.IntN(3) {
		var item string
		switch n := r.IntN(14); {
		case n < 4:
			item = vocabulary[r.IntN(len(vocabulary))]
		case n < 6:
			item = vocabulary[r.IntN(len(vocabulary))]
			item = string([]rune(item)[:1+r.IntN(len([]rune(item)))]) + "*"
		case n < 9:
			item = `"` + randomText(r, 5) + `"`
		case n < 10:
			item = `"` + randomText(r, 4) + `"*`
		case n < 11:
			item = "has:attachment"
		case depth > 0:
			item = "(" + randomQuery(r, depth-1) + ")"
		}
		if r.IntN(5) == 0 && item != "has:attachment" {
			item = words.Columns[r.IntN(len(words.Columns))].String() + ":" + item
		}
		if r.IntN(5) == 0 {
			item = "-" + item
		}
		if len(all) > 0 && r.IntN(3) == 0 {
			all = append(all, "OR")
		}
		all = append(all, item)
	}
	return strings.Join(all, " ")
}

// hostile are queries that could be taken for syntax.
var hostile = []string{
	"foo-bar", "it's", "a@b.c", "C++", `"NOT"`, `"AND" OR "OR"`, "NEAR(", `"NEAR(a b)"`, "^foo", "{foo}", "{sender}:foo", "sender:foo", "body:foo*",
	`foo"*"`, "a\x00b", "\x00", "rowid:1", "foo + bar", "+foo", "'; DROP TABLE text; --", "%", "_", "foo*", `-"foo bar"`, "text MATCH foo", "\xed\xa0\x80",
	"- -", "-(-foo)", "(foo) OR (-bar)", "-foo OR -bar", "-(foo OR -bar)", "-has:attachment foo", "OR* foo", "\ue002", "\ue000 foo",
	strings.Repeat("x", 128), strings.Repeat("x", 128) + "*", strings.Repeat("x", 126) + "*", strings.Repeat("x", 3000), strings.Repeat("foo ", 200),
	strings.Repeat("(", 15) + "foo" + strings.Repeat(")", 15), strings.Repeat("foo OR ", 200) + "bar", strings.Repeat("-foo ", 200), "東京*", "東*", "京都",
	"ภาษา*", "หา", `"字字字字"`, "ä* ",
}

// TestEqualsMatch compares the hits of the index with words.Query.Match, on random messages and
// queries. Messages come and go between the queries.
func TestEqualsMatch(t *testing.T) {
	seeds, queries := uint64(3), 600
	if testing.Short() {
		queries = 300
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 3))
		x := open(t, t.TempDir())
		stored := make(map[int]fulltext.Message)
		tried, matched := 0, 0
		check := func(query string) {
			q, err := words.Parse(query)
			if err != nil {
				return
			}
			var want []chunk.ID
			for n := 199; n >= 0; n-- {
				if m, ok := stored[n]; ok && q.Match(&m.Fields) {
					want = append(want, m.Hash)
				}
			}
			got := collect(t, x.Search(t.Context(), q, fulltext.Bounds{}))
			if tried++; len(want) > 0 && len(want) < len(stored) {
				matched++
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %q (%v): index finds %d, Match %d\n%s", seed, query, q.Words, len(got), len(want), difference(got, want))
			}
			within := make([]chunk.ID, 0, 50)
			for range 50 {
				within = append(within, hash(r.IntN(200)))
			}
			among := slices.DeleteFunc(want, func(id chunk.ID) bool { return !slices.Contains(within, id) })
			if got := collect(t, x.Search(t.Context(), q, fulltext.Bounds{Within: within})); !slices.Equal(got, among) {
				t.Fatalf("seed %d, %q within 50: index finds %d, Match %d", seed, query, len(got), len(among))
			}
		}
		for range 4 {
			must(t, x.Update(t.Context(), func(u *fulltext.Update) error {
				for range 100 {
					n := r.IntN(200)
					if _, ok := stored[n]; ok {
						delete(stored, n)
						must(t, u.Remove(t.Context(), hash(n)))
					} else {
						stored[n] = randomMessage(r, n)
						must(t, u.Add(t.Context(), stored[n]))
					}
				}
				return nil
			}))
			for _, query := range hostile {
				check(query)
			}
			for range queries / 4 {
				check(randomQuery(r, 2))
			}
		}
		t.Logf("seed %d: %d queries, %d with hits and misses", seed, tried, matched)
		if matched < queries/10 {
			t.Errorf("only %d of %d queries have hits and misses", matched, tried)
		}
	}
}

func difference(got, want []chunk.ID) string {
	var text strings.Builder
	for _, id := range got {
		if !slices.Contains(want, id) {
			fmt.Fprintf(&text, "only the index: %s\n", strings.Trim(string(id[8:]), "\x00"))
		}
	}
	for _, id := range want {
		if !slices.Contains(got, id) {
			fmt.Fprintf(&text, "only Match: %s\n", strings.Trim(string(id[8:]), "\x00"))
		}
	}
	return text.String()
}

// FuzzSearch searches for any query: the index finds what Match finds, and no query is an error.
func FuzzSearch(f *testing.F) {
	for _, query := range hostile {
		f.Add(query)
	}
	r := rand.New(rand.NewPCG(9, 9))
	x := open(f, f.TempDir())
	var all []fulltext.Message
	for n := range 30 {
		all = append(all, randomMessage(r, n))
	}
	add(f, x, all...)
	slices.Reverse(all)
	f.Fuzz(func(t *testing.T, query string) {
		q, err := words.Parse(query)
		if err != nil {
			return
		}
		var want []chunk.ID
		for i := range all {
			if q.Match(&all[i].Fields) {
				want = append(want, all[i].Hash)
			}
		}
		if got := collect(t, x.Search(t.Context(), q, fulltext.Bounds{})); !slices.Equal(got, want) {
			t.Errorf("%q (%v): index finds %d, Match %d\n%s", query, q.Words, len(got), len(want), difference(got, want))
		}
	})
}
