package words

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isQuote reports whether a character is a quotation mark. Telephones write the curved ones.
func isQuote(r rune) bool { return strings.ContainsRune(`"“”„‟`, r) }

// quoted reads a phrase in quotes. n is the length of the mark.
func (p *parser) quoted(n int) (*Expr, error) {
	at := p.at
	text, err := p.quotedText(n)
	if err != nil {
		return nil, err
	}
	prefix := strings.HasSuffix(text, "*")
	if p.at < len(p.text) && p.text[p.at] == '*' {
		prefix = true
		p.at++
	}
	return p.phrase(at, strings.TrimSuffix(text, "*"), prefix)
}

// quotedText reads text in quotes.
func (p *parser) quotedText(n int) (string, error) {
	rest := p.text[p.at+n:]
	end := strings.IndexFunc(rest, isQuote)
	if end < 0 {
		return "", p.errorf(p.at, "the quote does not end")
	}
	_, last := utf8.DecodeRuneInString(rest[end:])
	p.at += n + end + last
	return rest[:end], nil
}

// bareText reads text until a space, a quote or a ")". A ")" whose "(" is in the text, as in f(x),
// belongs to it.
func (p *parser) bareText() string {
	start, open := p.at, 0
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if unicode.IsSpace(r) || isQuote(r) || r == ')' && open == 0 {
			break
		}
		switch r {
		case '(':
			open++
		case ')':
			open--
		}
		p.at += n
	}
	return p.text[start:p.at]
}

// bare reads a term without quotes.
func (p *parser) bare() (*Expr, error) {
	at := p.at
	text := p.bareText()
	if slices.ContainsFunc([]string{"AND", "OR", "NOT"}, func(o string) bool { return text != o && strings.EqualFold(text, o) }) {
		p.query.Lower = append(p.query.Lower, text)
	}
	if muttPattern.MatchString(text) {
		return nil, p.errorf(at, "there is no %s here; write from:, to:, subject:, body:, after: or before:, or quotes if you search for this", text)
	}
	word, prefix := strings.CutSuffix(text, "*")
	if i := strings.IndexByte(word, '*'); i >= 0 && len(Split(word[i:])) > 0 && (i == 0 || len(Split(word[:i])) > 0) {
		return nil, p.errorf(at, "a * can stand only at the end of a word; for files of a kind, write attachment:pdf")
	}
	if mask.MatchString(word) {
		return nil, p.errorf(at, "a ? stands for no character; use * at the end of a word, or quotes")
	}
	return p.phrase(at, word, prefix)
}

// muttPattern matches the patterns of mutt. Without the sign, they would be words of one letter.
var muttPattern = regexp.MustCompile(`^~[A-Za-z]$`)

// mask matches what people write who expect that a ? stands for any character. In addresses and
// sentences it stands otherwise.
var mask = regexp.MustCompile(`^[\pL\pN]+\?[\pL\pN]+$`)

// phrase returns the Expr of a text, or nil if it has no words.
func (p *parser) phrase(at int, text string, prefix bool) (*Expr, error) {
	all, end := []string(nil), 0
	Scan(text, func(w Word) bool {
		all, end = append(all, string(w.Text)), w.End
		return true
	})
	if hasSymbol(text) {
		p.query.Reduced = append(p.query.Reduced, Reduced{text, all})
	}
	if len(all) == 0 {
		return nil, nil
	}
	if p.words += len(all); p.words > maxQueryWords {
		return nil, p.errorf(at, "a query has at most %d words", maxQueryWords)
	}
	last := all[len(all)-1]
	prefix = prefix && !strings.ContainsFunc(text[end:], func(r rune) bool { return r < utf8.RuneSelf || lookup(r).class != ignored })
	if r, n := utf8.DecodeRuneInString(last); prefix && (n == len(last) || utf8.RuneCountInString(last) < minPrefix) {
		if classOf(r) != alone {
			return nil, p.errorf(at, "a word needs at least %d characters before a *", minPrefix)
		}
		prefix = false // the character is a whole word
	}
	return &Expr{Op: Phrase, Column: p.column, Words: all, Prefix: prefix}, nil
}

// hasSymbol reports whether a term begins or ends with a symbol that people mean: C++, #42, $5,
// 50%.
func hasSymbol(text string) bool {
	isSymbol := func(r rune) bool { return unicode.IsSymbol(r) || strings.ContainsRune("#%&@", r) }
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	return isSymbol(first) || isSymbol(last)
}

// filterName reads the name of a filter and its colon, if the text begins with them. A name that
// only other programs know is an error, because words found by chance would look like an answer.
func (p *parser) filterName() (name string, ok bool, err error) {
	name, value, ok := strings.Cut(p.text[p.at:], ":")
	if !ok || len(name) > 12 {
		return "", false, nil
	}
	written := len(name)
	name = strings.ToLower(name)
	if same := aliases[name]; same != "" {
		name = same
	}
	if instead := foreign[name]; instead != "" && value != "" && !strings.HasPrefix(value, " ") {
		return "", false, p.errorf(p.at, "there is no %s: here; %s, or quotes if you search for these words",
			name, instead)
	}
	known := name == "has" || slices.Contains(filterNames, FilterName(name)) || columnOf(name) != AnyColumn
	if known {
		p.at += written + 1
	}
	return name, known, nil
}
