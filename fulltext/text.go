package fulltext

import (
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Marks stand in the texts for FTS5 among the words. They are characters for private use, which are in no word.
const (
	markEnd        = "\ue001" // between texts, so that no phrase crosses from one to the next
	markAttachment = "\ue000" // in the column of attachments, of a message that has one
	markMessage    = "\ue002" // in the column of the body, of each message
)

// texts are what FTS5 indexes of a message, in the order of its columns.
type texts [5][]byte

// newTexts returns the words of a message, with a space between them.
func newTexts(f *words.Fields) (t texts) {
	t[0] = []byte(markMessage + " ")
	for _, text := range f.Body {
		t[0] = appendWords(t[0], text)
	}
	t[1] = appendWords(nil, f.Subject)
	t[2] = appendWords(nil, f.From)
	t[3] = appendWords(nil, f.To)
	for _, text := range f.Attachments {
		if len(t[4]) == 0 {
			t[4] = append(t[4], markAttachment+" "...)
		}
		t[4] = appendWords(t[4], text)
	}
	return t
}

// appendWords adds the words of a text to those of the texts before it.
func appendWords(to []byte, text string) []byte {
	if len(to) > 0 {
		to = append(to, markEnd+" "...)
	}
	words.Scan(text, func(w words.Word) bool {
		to = append(append(to, w.Text...), ' ')
		return true
	})
	return to
}

// size returns the length in bytes.
func (t *texts) size() (n int) {
	for _, text := range t {
		n += len(text)
	}
	return n
}
