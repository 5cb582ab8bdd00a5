package ui

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe returns text from a server or a message that is safe for a terminal. It escapes control
// characters, what makes text look like other text (bidirectional overrides, invisible characters),
// and bytes that are not UTF-8.
func Safe(text string) string {
	if isSafe(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !isHarmless(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !isHarmless(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

func isSafe(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !isHarmless(r) }) < 0
}

// isHarmless reports whether a terminal only shows the character. Joiners are harmless: scripts and
// emoji need them.
func isHarmless(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch {
	case r == nonJoiner, r == joiner:
		return true
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
		return false
	}
	return true
}

// OneLine returns the text of an error in one safe line. errors.Join writes several lines, and
// errors quote servers.
func OneLine(text string) string {
	return Safe(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// Quote returns safe text in quotes.
func Quote(text string) string { return `"` + Safe(text) + `"` }

// fullHash matches the hash of a chunk. In the name of an object, which a user may look for, a hash
// follows '/' or '-'.
var fullHash = regexp.MustCompile(`(^|[^/\-0-9a-f])([0-9a-f]{8})[0-9a-f]{56}\b`)

// anyHash matches a hash anywhere.
var anyHash = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{56}\b`)

// ShortenNames cuts all hashes to their first digits, also in the names of objects.
func ShortenNames(text string) string { return anyHash.ReplaceAllString(text, "$1…") }

// ShortenHashes cuts the hashes of chunks to their first digits.
func ShortenHashes(text string) string { return fullHash.ReplaceAllString(text, "$1$2…") }

// Plural returns a number of things: "1 message", "1,234 messages".
func Plural[N int | int64 | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if first, second, ok := strings.Cut(thing, " or "); ok {
		return Plural(n, first) + " or " + second + "s"
	}
	if base, ok := strings.CutSuffix(thing, "x"); ok {
		return Count(n) + " " + base + "xes"
	}
	return Count(n) + " " + thing + "s"
}

// Nearest returns the candidate that a mistyped or shortened word may mean, or "".
func Nearest(word string, candidates []string) string {
	most := max(2, len(word)/3)
	if len(word) < 5 {
		most = 1 // changing two letters of four makes another word
	}
	best, least := "", most+1
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	for _, candidate := range candidates {
		if best == "" && len(word) > 2 && strings.Contains(strings.ToLower(candidate), strings.ToLower(word)) {
			best = candidate
		}
	}
	return best
}

// DidYouMean returns a hint with the nearest candidate, or "".
func DidYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return "did you mean " + Quote(near) + "?"
	}
	return ""
}

// distance counts the characters to insert, delete, change or swap with the next to turn a into b
// (optimal string alignment).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}

// ShellWord quotes a word for a shell.
func ShellWord(text string) string {
	if text = Safe(text); !strings.ContainsAny(text, " \t\"'`$&|;<>()*?[]#~!\\") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
