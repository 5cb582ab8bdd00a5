package words

import (
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// class is what a character does to the words around it.
type class uint8

const (
	separator class = iota
	ignored         // as if it were not there: accents, soft hyphens, joiners
	letter          // belongs to a word
	alone           // a word by itself
	mixed           // folds into characters of several classes, such as ½
)

// folded is what a character becomes.
type folded struct {
	class    class
	combines bool   // may change the character before it under NFKC
	text     string // what it adds to words
}

// aloneScripts are written without spaces between words, or, as Hangul, with words that carry their
// particles. Each of their characters is a word, so a search finds any sequence of them.
var aloneScripts = []*unicode.RangeTable{
	unicode.Bopomofo, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana,
	unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Thai, unicode.Tibetan,
}

// accented are the scripts whose marks are accents or points that people leave out. In other
// scripts, such as Devanagari, marks are vowels. Inherited marks, such as the acute accent, belong
// to no one script.
var accented = []*unicode.RangeTable{
	unicode.Inherited, unicode.Common, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac,
}

// classOf returns the class of a folded character.
func classOf(r rune) class {
	switch {
	case isIgnored(r):
		return ignored
	case !unicode.In(r, unicode.L, unicode.N, unicode.M):
		return separator
	case r == 'ー' || unicode.In(r, aloneScripts...): // U+30FC is of no script
		return alone
	}
	return letter
}

// isIgnored reports whether a character is not visible in a word, or only fills space.
func isIgnored(r rune) bool {
	switch r {
	case 'ـ', '\u115F', '\u1160', '\u3164', '\uFFA0': // tatweel, and fillers of Hangul
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Me, unicode.Variation_Selector)
}

// isAccent reports whether a mark after a base character is dropped. The marks that make another
// letter of their base stay: the sound marks of kana, the breve of Cyrillic й, and the dots of ї.
func isAccent(base, mark rune) bool {
	if !unicode.In(mark, unicode.Mn) || !unicode.In(mark, accented...) {
		return false
	}
	switch mark {
	case '\u3099', '\u309A':
		return false
	case '\u0306':
		return !unicode.Is(unicode.Cyrillic, base)
	case '\u0308':
		return base != 'і' && base != 'І'
	}
	return true
}

// withoutAccents returns a decomposed text without accents and ignored characters.
func withoutAccents(text string) string {
	var kept strings.Builder
	var base rune
	for _, r := range text {
		switch {
		case isIgnored(r) || isAccent(base, r):
			continue
		case !unicode.Is(unicode.M, r):
			base = r
		}
		kept.WriteRune(r)
	}
	return kept.String()
}

// fold computes what a character becomes.
func fold(r rune) folded {
	if r == utf8.RuneError || !utf8.ValidRune(r) {
		return folded{class: separator}
	}
	f := folded{combines: !norm.NFKC.PropertiesString(string(r)).BoundaryBefore()}
	text := withoutAccents(norm.NFKD.String(string(r)))
	text = withoutAccents(norm.NFKD.String(foldCase(text)))
	f.text = norm.NFKC.String(text)
	if f.text == "" {
		f.class = ignored
	}
	for i, r := range f.text {
		if c := classOf(r); i == 0 {
			f.class = c
		} else if c != f.class {
			f.class = mixed
		}
	}
	if f.class == separator {
		f.text = ""
	}
	return f
}

// foldCase applies full case folding. The cases package exchanges the two cases of Cherokee.
func foldCase(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cherokee, r) }) {
		return strings.ToUpper(text)
	}
	return cases.Fold().String(text)
}

// foldedBlock has 256 characters.
type foldedBlock [256]folded

// blocks has what characters become, by their code divided by 256. A block is computed when it is
// first needed, because folding a character takes microseconds.
var blocks [(unicode.MaxRune + 1) / 256]atomic.Pointer[foldedBlock]

// lookup returns what a character becomes.
func lookup(r rune) *folded {
	block := blocks[r>>8].Load()
	if block == nil {
		block = new(foldedBlock)
		for i := range block {
			block[i] = fold(r&^0xFF | rune(i))
		}
		blocks[r>>8].Store(block)
	}
	return &block[r&0xFF]
}

// ascii has the folded ASCII characters; 0 is a separator.
var ascii = func() (table [utf8.RuneSelf]byte) {
	for c := range table {
		if r := unicode.ToLower(rune(c)); 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			table[c] = byte(r)
		}
	}
	return table
}()
