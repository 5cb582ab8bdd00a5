package textindex

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// Snippet is the place in a message where words match.
type Snippet struct {
	In      words.Column // Body or Attachment
	Text    string       // one line
	Matches []words.Range
}

// snippetSize is the length of a snippet, in characters.
const snippetSize = 160

// FindSnippet returns the place in the text of a message, or in that of an attachment, where a
// query matches, or nil. From, To and Subject are shown anyway. The bodies of documents may be left
// out of raw: whole reads the message with them, or returns nil, and is called only if the words
// are in a document, because reading documents takes long.
func FindSnippet(
	ctx context.Context, q *words.Query, raw []byte, documents extract.Documents, whole func() []byte,
) *Snippet {
	fields := wordsOf(ctx, raw, nil)
	if !q.Match(&fields) {
		if raw = whole(); raw == nil {
			return nil
		}
		fields = wordsOf(ctx, raw, documents)
	}
	if s := snippetIn(q, words.Body, fields.Body); s != nil {
		return s
	}
	return snippetIn(q, words.Attachment, fields.Attachments)
}

// snippetIn returns the best place in texts of a column, or nil.
func snippetIn(q *words.Query, column words.Column, texts []string) (best *Snippet) {
	for _, text := range texts {
		line, ranges := q.Snippet(column, text, snippetSize)
		if len(ranges) == 0 || best != nil && len(ranges) <= len(best.Matches) {
			continue
		}
		best = &Snippet{In: column, Text: strings.TrimSpace(line)}
		cut := len(line) - len(strings.TrimLeft(line, " "))
		for _, r := range ranges {
			best.Matches = append(best.Matches, words.Range{Start: r.Start - cut, End: r.End - cut})
		}
	}
	return best
}
