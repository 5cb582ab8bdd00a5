// Package words defines what a word of a message is, and the language of searches for words.
//
// A text passes through the scanner (scan.go), which yields its words: runs of letters, digits and
// marks, folded so that case, accents and compatibility forms make no difference (fold.go). Texts
// and queries pass through the same scanner, so
//
//	Straße, STRASSE and strasse are one word
//	foo-bar, it's and a@b.c are two, two and three words; in a query, they are phrases
//	東京都 is three words, because each character of a script without spaces is a word
//
// Parse reads a query (parse.go, terms.go) as an Expr over words (expr.go), and as the Filters that
// are not about words (filter.go). Match decides whether the words of a message match, without any
// index (match.go); package fulltext finds the same messages by an index. Snippet cuts the place
// out of a text where it matches (snippet.go).
//
// docs/search.md has the language as its users see it.
package words

// Version counts changes of what a word is. An index of another version is useless.
const Version = 1
