package words_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// FuzzScan checks what an index relies on: words are made of a-z, 0-9 and characters that are not
// ASCII, their places are in order, and canonically equivalent texts have the same words.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		"Straße it's a@b.c", "東京都ｶﾞ か\u3099", "A\u0308pfel й и\u0306", "a\x00b\xffc\xed\xa0\x80d", "ﷺ ½ ㈱ ﬁ", strings.Repeat("ä", 200), "कि ภาษา \u1112\u1161",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		words.Scan(text, func(w words.Word) bool {
			if w.Start < 0 || w.Start >= w.End || w.End > len(text) || w.End < end {
				t.Fatalf("%q at [%d:%d] of %d, after %d", w.Text, w.Start, w.End, len(text), end)
			}
			end = w.End
			if len(w.Text) == 0 || len(w.Text) > 128 || !utf8.Valid(w.Text) {
				t.Fatalf("word %q", w.Text)
			}
			for _, c := range w.Text {
				if c < utf8.RuneSelf && !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
					t.Fatalf("word %q", w.Text)
				}
			}
			return true
		})
		got := strings.Join(words.Split(text), " ")
		if len(text) < 100 { // a longer word can be cut elsewhere when it is folded already
			if again := strings.Join(words.Split(got), " "); again != got {
				t.Errorf("%q becomes %q, and then %q", text, got, again)
			}
		}
		if utf8.ValidString(text) && !strings.Contains(text, "\u034f") {
			if other := strings.Join(words.Split(norm.NFD.String(text)), " "); other != got {
				t.Errorf("%q has %q, decomposed %q", text, got, other)
			}
		}
	})
}

// FuzzParse checks that queries and texts are taken without a panic, that a query written out and
// read again matches the same, and that snippets have their size.
func FuzzParse(f *testing.F) {
	for _, query := range []string{
		`a "b c"* -d OR (from:e) has:attachment`, `foo-bar it's a@b.c C++ NOT NEAR( " ' ; -- DROP`, `in:"x y" AND is:unread`, "a\x00b \xff*", `“x”`,
		`{a} ^b a:b + from:(x OR "y")`,
	} {
		f.Add(query, "the b C d e of foo-bar")
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		q, err := words.Parse(query)
		if err != nil {
			_ = err.Error()
			return
		}
		fields := &words.Fields{From: text, Body: []string{text}, Attachments: []string{text}}
		matches := q.Match(fields)
		if q.Words != nil && len(q.Words.String()) <= words.MaxQuery {
			again, err := words.Parse(q.Words.String())
			if err != nil {
				t.Fatalf("%s becomes %s: %v", query, q.Words, err)
			}
			if again.Match(fields) != matches {
				t.Errorf("%s: %v, but %s: %v", query, matches, q.Words, !matches)
			}
		}
		line, marked := q.Snippet(words.Body, text, 20)
		if utf8.RuneCountInString(line) > 22 {
			t.Errorf("snippet %q", line)
		}
		end := 0
		for _, m := range marked {
			if m.Start < end || m.End < m.Start || m.End > len(line) {
				t.Errorf("%v in %q", marked, line)
			}
			end = m.End
		}
	})
}
