package words

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the length of the longest word, in bytes when folded. A longer one is several words,
// one after the other. A query is cut in the same places, so it becomes a phrase and still finds
// exactly what it names.
const maxWord = 128

// Word is a word of a text.
type Word struct {
	Text       []byte // folded: no ASCII characters but a-z and 0-9. The next word overwrites it
	Start, End int    // its place in the text
}

// Scan calls yield for each word of a text, until yield returns false. Bytes that are not UTF-8
// separate words.
func Scan(text string, yield func(Word) bool) {
	s := scanner{yield: yield}
	s.word = make([]byte, 0, maxWord)
	for i := 0; i < len(text) && !s.stopped; {
		if c := text[i]; c < utf8.RuneSelf {
			if ascii[c] == 0 {
				s.flush()
				i++
			} else {
				i = s.letters(text, i)
			}
			continue
		}
		end := i
		for end < len(text) && text[end] >= utf8.RuneSelf {
			end++
		}
		s.run(text[i:end], i)
		i = end
	}
	s.flush()
}

// Split returns the words of a text.
func Split(text string) (all []string) {
	Scan(text, func(w Word) bool {
		all = append(all, string(w.Text))
		return true
	})
	return all
}

// scanner collects a word.
type scanner struct {
	yield      func(Word) bool
	stopped    bool
	word       []byte
	start, end int
}

// flush ends the word.
func (s *scanner) flush() {
	if len(s.word) > 0 && !s.stopped {
		s.stopped = !s.yield(Word{s.word, s.start, s.end})
	}
	s.word = s.word[:0]
}

// grow makes room for n bytes, which come from a place in the text.
func (s *scanner) grow(n, start, end int) {
	if len(s.word)+n > maxWord {
		s.flush()
	}
	if len(s.word) == 0 {
		s.start = start
	}
	s.end = end
}

// letters takes the ASCII letters and digits from a place in the text on, of which there is at
// least one. It returns where they end. Most text is of these, so they are not taken one by one.
func (s *scanner) letters(text string, i int) (end int) {
	for i < len(text) && text[i] < utf8.RuneSelf && ascii[text[i]] != 0 {
		s.grow(1, i, i+1)
		word := s.word
		for _, c := range []byte(text[i:min(len(text), i+maxWord-len(word))]) {
			if c >= utf8.RuneSelf || ascii[c] == 0 {
				break
			}
			word = append(word, ascii[c])
		}
		i += len(word) - len(s.word)
		s.word, s.end = word, i
	}
	return i
}

// run takes text without ASCII characters. The fold of a character replaces its compatibility form,
// so normalization matters only where characters combine with each other: marks, jamo, and the
// sound marks of kana.
func (s *scanner) run(text string, offset int) {
	combines := false
	for _, r := range text {
		combines = combines || lookup(r).combines
	}
	if !combines {
		for i, r := range text {
			s.character(r, offset+i, offset+i+utf8.RuneLen(r))
		}
		return
	}
	var segments norm.Iter
	segments.InitString(norm.NFKC, text)
	for !segments.Done() && !s.stopped {
		start := segments.Pos()
		segment := segments.Next()
		_, size := utf8.DecodeRuneInString(text[start:])
		end := max(segments.Pos(), start+size) // Pos moves only after the last of several segments of one character
		for _, r := range string(segment) {
			s.character(r, offset+start, offset+end)
		}
	}
}

// character takes a character, which comes from a place in the text.
func (s *scanner) character(r rune, start, end int) {
	f := lookup(r)
	switch f.class {
	case separator:
		s.flush()
	case letter:
		s.grow(len(f.text), start, end)
		s.word = append(s.word, f.text...)
	case alone:
		for _, r := range f.text {
			s.alone(r, start, end)
		}
	case mixed:
		for _, r := range f.text {
			s.mixed(r, start, end)
		}
	}
}

// alone takes a folded character that is a word.
func (s *scanner) alone(r rune, start, end int) {
	s.flush()
	s.grow(utf8.RuneLen(r), start, end)
	s.word = utf8.AppendRune(s.word, r)
	s.flush()
}

// mixed takes a folded character among others of several classes.
func (s *scanner) mixed(r rune, start, end int) {
	switch classOf(r) {
	case separator:
		s.flush()
	case alone:
		s.alone(r, start, end)
	case letter:
		s.grow(utf8.RuneLen(r), start, end)
		s.word = utf8.AppendRune(s.word, r)
	}
}
