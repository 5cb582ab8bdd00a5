package words_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Words have no case and no marks; in scripts without blanks each character is one.
func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"Straße STRASSE strasse":           "strasse strasse strasse",
		"foo-bar it's a@b.c C++ foo_bar":   "foo bar it s a b c c foo bar",
		"Äpfel A\u0308pfel":                "apfel apfel",
		"ἀγορᾷ Σίσυφος ΣΊΣΥΦΟΣ":            "αγορα σισυφοσ σισυφοσ",
		"Ёлка елка йод и\u0306од їжак":     "елка елка йод йод їжак",
		"ﬁnance Ｆｕｌｌ m² ½":                 "finance full m2 1 2",
		"東京都 ｶﾞラス か\u3099 ラーメン":            "東 京 都 ガ ラ ス が ラ ー メ ン",
		"한국 \u1112\u1161\u11ab":            "한 국 한",
		"ภาษาไทย":                          "ภ า ษ า ไ ท ย",
		"कि क":                             "कि क",
		"كِتَاب كتاب أحمد كـتاب":           "كتاب كتاب احمد كتاب",
		"שָׁלוֹם":                          "שלום",
		"soft\u00adhyphen zero\u200bwidth": "softhyphen zerowidth",
		"a\x00b\xffc\xed\xa0\x80d":         "a b c d",
		"İstanbul ISTANBUL":                "istanbul istanbul",
		"x日本y":                             "x 日 本 y",
		strings.Repeat("a", 300):           strings.Repeat("a", 128) + " " + strings.Repeat("a", 128) + " " + strings.Repeat("a", 44),
		"":                                 "",
		"… – !!":                           "",
		"\U0001F600 emoji":                 "emoji",
		"e\u0301tude":                      "etude",
		"Tiếng Việt":                       "tieng viet",
		"\ue000 private":                   "private",
	} {
		if got := strings.Join(words.Split(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestEachCharacter folds every character: its other cases become the same, and what it becomes
// stays so.
func TestEachCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) || unicode.SimpleFold(r) == '\u0345' || r == '\u0345' {
			continue // the iota below a letter, whose other case is a letter
		}
		got := strings.Join(words.Split(string(r)), " ")
		for other := unicode.SimpleFold(r); other != r && other != '\u0345'; other = unicode.SimpleFold(other) {
			if folded := strings.Join(words.Split(string(other)), " "); folded != got {
				t.Errorf("%c (%U) becomes %q, and %c (%U) becomes %q", r, r, got, other, other, folded)
			}
		}
		if again := strings.Join(words.Split(got), " "); again != got {
			t.Errorf("%c (%U) becomes %q, and then %q", r, r, got, again)
		}
	}
}

var message = &words.Fields{
	From: "Anna Kovács <anna.kovacs@mail.example>", To: "João <joao@mail.example>, team@lists.example", Subject: "Re: the old bridge",
	Body:        []string{"The bridge over the river is closed.\nIt's a C++ program, foo-bar.", "<second> part"},
	Attachments: []string{"plan.pdf\nPillars of the bridge", "notes.txt\nnot the plan"},
}

// A query matches by words, phrases, operators and columns.
func TestMatch(t *testing.T) {
	for query, want := range map[string]bool{
		`bridge`:                        true,
		`BRIDGE river`:                  true,
		`bridge ocean`:                  false,
		`bridge OR ocean`:               true,
		`ocean OR bridge river`:         true,
		`"old bridge"`:                  true,
		`"bridge old"`:                  false,
		`“old bridge”`:                  true,
		`"closed it's a"`:               true,
		`foo-bar`:                       true,
		`bar-foo`:                       false,
		`it's`:                          true,
		`C++`:                           true,
		`"foo bar second"`:              false, // not over the end of a text
		`"pdf pillars"`:                 true,
		`"bridge notes"`:                false,
		`brid*`:                         true,
		`brig*`:                         false,
		`"the old bri"*`:                true,
		`"the old bri*"`:                true,
		`"the new bri"*`:                false,
		`-ocean`:                        true,
		`-bridge`:                       false,
		`bridge -ocean`:                 true,
		`bridge -river`:                 false,
		`bridge NOT river`:              false,
		`-(ocean river)`:                true,
		`--bridge`:                      true,
		`(ocean OR river) AND closed`:   true,
		`from:anna`:                     true,
		`from:bridge`:                   false,
		`From:"anna kovacs"`:            true,
		`from:kovács`:                   true,
		`from:(bob OR anna)`:            true,
		`from:(bob anna)`:               false,
		`to:joao`:                       true,
		`to:team@lists.example`:         true,
		`subject:old`:                   true,
		`subject:river`:                 false,
		`-subject:river`:                true,
		`body:river`:                    true,
		`attachment:plan.pdf`:           true,
		`attachment:"plan pdf pillars"`: true,
		`attachment:river`:              false,
		`has:attachment`:                true,
		`-has:attachment`:               false,
		`in:INBOX`:                      true, // filters are not about words
		`in:"Sent Items" ocean`:         false,
		`and`:                           false,
		`"AND"`:                         false,
		`bridge - river`:                true,
		`http://mail.example`:           false,
		`main(int)`:                     false,
		``:                              true,
	} {
		q, err := words.Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if q.Match(message) != want {
			t.Errorf("%s: %v", query, !want)
		}
	}
}

// Filters are taken out of a query, whatever their case, and the words remain.
func TestFilters(t *testing.T) {
	q, err := words.Parse(`in:"Sent Items" after:2026-01-02 Before:2027 -in:Trash larger:1M smaller:2M flag:$junk label:Work is:unread -is:starred (in:A b)`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range q.Filters {
		not := ""
		if f.Not {
			not = "-"
		}
		got = append(got, not+string(f.Name)+"="+f.Value)
	}
	want := []string{"in=Sent Items", "after=2026-01-02", "before=2027", "-in=Trash", "larger=1M", "smaller=2M", "flag=$junk", "label=Work",
		"is=unseen", "-is=flagged", "in=A"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := q.Words.String(); got != `"b"` {
		t.Errorf("words %s", got)
	}
	if got, want := q.Filters[1].Errorf("not a date").Error(), `at "after:2026-01-02 Bef…", character 17 of the query: not a date`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOtherNames(t *testing.T) {
	for query, same := range map[string]string{
		`Since:2026-01-02`: `after:2026-01-02`,
		`-folder:Trash`:    `-in:Trash`,
		`mailbox:"a b"`:    `in:"a b"`,
		`keyword:x`:        `flag:x`,
		`filename:a.png`:   `attachment:a.png`,
		`newer_than:2d`:    `after:2d`,
		`-older:1y`:        `-before:1y`,
		`cc:(anna OR bob)`: `to:(anna OR bob)`,
		`tag: a`:           `"tag" a`,
		`10:30 what?`:      `"10 30" what`,
		`/a?b=c`:           `"a b c"`,
		`"id:foo"`:         `"id foo"`,
		`"br?dge"`:         `"br dge"`,
	} {
		q, err := words.Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		want, err := words.Parse(same)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(q.Words, want.Words) || len(q.Filters) != len(want.Filters) {
			t.Errorf("%s is %+v, want %+v", query, q, want)
			continue
		}
		for i, f := range q.Filters {
			if w := want.Filters[i]; f.Name != w.Name || f.Value != w.Value || f.Not != w.Not {
				t.Errorf("%s: %+v, want %+v", query, f, w)
			}
		}
	}
}

// What people may have meant in another way is noted.
func TestNotes(t *testing.T) {
	for query, want := range map[string]string{
		`C++ in "C#" from:$5 & -50%`:                   `[{C++ [c]} {C# [c]} {$5 [5]} {& []} {50% [50]}] []`,
		`anna@mail.example it's R&D (a) "b." xy* f(x)`: `[] []`,
		`a or b not c Or "or" AND d`:                   `[] [or not Or]`,
		`subject:or has:attachment in:not`:             `[] [or]`,
		`🎉 party`:                                      `[{🎉 []}] []`,
	} {
		q, err := words.Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := fmt.Sprint(q.Reduced, q.Lower); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// The error of a query says where it is wrong, and what would be right.
func TestErrors(t *testing.T) {
	for query, want := range map[string]string{
		`a OR`:                        `at "OR", character 3 of the query: OR stands between`,
		`OR a`:                        `at "OR a", character 1`,
		`a OR OR b`:                   `at "OR OR b"`,
		`AND`:                         `AND stands between`,
		`a AND`:                       `AND stands between`,
		`NOT`:                         `NOT stands before`,
		`(a`:                          `no ")" belongs to this "("`,
		`a)`:                          `at ")", character 2 of the query: no "(" belongs`,
		`NEAR(a b)`:                   `no "(" belongs`,
		`ä "b`:                        `at "\"b", character 3 of the query: the quote does not end`,
		`a b OR c AND d`:              `use parentheses`,
		`a*`:                          `at least 2 characters`,
		`fo*o`:                        `only at the end`,
		`from:`:                       `at "from:", character 1 of the query: from: needs a value`,
		`from: anna`:                  `needs a value, without a space`,
		`(from:)`:                     `needs a value`,
		`from:!!`:                     `a letter or a digit`,
		`from:(to:x)`:                 `to: does not work within from:`,
		`from:(in:x y)`:               `in: does not work within from:`,
		`a OR in:x`:                   `at "in:x", character 6 of the query: in: does not work within OR`,
		`-(in:x)`:                     `in: does not work within a negated group`,
		`has:wings`:                   `has: knows only`,
		`is:open`:                     `is: knows seen`,
		`in:""`:                       `in: needs a value`,
		`date:2023..2024`:             `there is no date: here; write after:2023-01-01`,
		`bridge -Tag:inbox`:           `there is no tag: here; write flag:`,
		`from:(id:foo)`:               `there is no id: here; use --message-id`,
		`*ridge`:                      `only at the end`,
		`br?dge`:                      `a ? stands for no character`,
		`++`:                          `no letter and no digit`,
		strings.Repeat("(", 50):       `at most 16 deep`,
		strings.Repeat("-", 50):       `at most 16 deep`,
		strings.Repeat("a ", 300):     `at most 256 words`,
		strings.Repeat("ä", 4096):     `at most 4096 bytes`,
		strings.Repeat("-", 17) + "a": `at most 16 deep`,
	} {
		_, err := words.Parse(query)
		if syntax := new(words.SyntaxError); !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", query, err, want)
		}
	}
}

// A snippet marks the words that a query asks for, as the text spells them.
func TestSnippet(t *testing.T) {
	long := strings.Repeat("lorem ipsum dolor ", 50)
	for _, c := range []struct {
		query, text string
		n           int
		want        string
	}{
		{"bridge", "The old\r\n\tbridge is closed", 50, "The old [bridge] is closed"},
		{`"old bridge"`, "The old\nBRIDGE", 50, "The [old BRIDGE]"},
		{"straße", "In der STRASSE", 50, "In der [STRASSE]"},
		{"etude", "une e\u0301tude", 50, "une [e\u0301tude]"},
		{"ocean", "The bridge", 50, ""},
		{"-bridge", "The bridge", 50, ""},
		{"from:bridge", "The bridge", 50, ""},
		{"brid*", "The bridge", 50, "The [bridge]"},
		{"京都", "東京都の寺", 50, "東[京都]の寺"},
		{"bridge", long + "bridge " + long, 30, "… dolor [bridge] lorem ipsum…"},
		{"bridge river", "bridge " + long + " river bridge", 30, "… dolor [river] [bridge]"},
		{"a OR \"a b\"", "a b", 50, "[a b]"},
	} {
		q, err := words.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		line, marked := q.Snippet(words.Body, c.text, c.n)
		for _, m := range slices.Backward(marked) {
			line = line[:m.Start] + "[" + line[m.Start:m.End] + "]" + line[m.End:]
		}
		if line != c.want {
			t.Errorf("%s: %q, want %q", c.query, line, c.want)
		}
	}
}
