package fulltext

import (
	"bytes"

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
	t[0] = body(f.Body)
	t[1] = appendText(nil, f.Subject)
	t[2] = appendText(nil, f.From)
	t[3] = appendText(nil, f.To)
	for _, text := range f.Attachments {
		if len(t[4]) == 0 {
			t[4] = append(t[4], markAttachment+" "...)
		}
		t[4] = appendText(t[4], text)
	}
	return t
}

// body returns the words of the texts of the body. Those of a text that the one before or after it has, all of them in a row, are
// left out, because they add nothing to find: senders write the same into the plain text and into the HTML.
func body(all []string) []byte {
	size := 0
	lists := make([][]byte, len(all)) // with a space before each word and after the last one
	for i, text := range all {
		lists[i] = appendWords(append(make([]byte, 0, len(text)+len(text)/16+1), ' '), text)
		size += len(lists[i]) + len(markEnd)
	}
	has := func(i int, words []byte) bool { return 0 <= i && i < len(lists) && bytes.Contains(lists[i], words) }
	joined := append(make([]byte, 0, size+len(markMessage)+1), markMessage...)
	for i, words := range lists {
		if has(i+1, words) || has(i-1, words) && len(words) < len(lists[i-1]) {
			continue
		}
		if len(joined) > len(markMessage) {
			joined = append(joined, " "+markEnd...)
		}
		joined = append(joined, words[:len(words)-1]...)
	}
	return append(joined, ' ')
}

// appendText adds the words of a text to those of the texts before it.
func appendText(to []byte, text string) []byte {
	if len(to) > 0 {
		to = append(to, markEnd+" "...)
	}
	return appendWords(to, text)
}

// appendWords adds the words of a text, with a space after each.
func appendWords(to []byte, text string) []byte {
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
