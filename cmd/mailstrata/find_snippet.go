package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// snippet is the place in a message where words match, as JSON.
type snippet struct {
	In      string   `json:"in"`      // body or attachment
	Text    string   `json:"text"`    // one line
	Matches [][2]int `json:"matches"` // ranges of bytes of the text, from and to
}

// snippetSize is the length of a snippet, in characters.
const snippetSize = 160

// findSnippet returns the place in the text of a message, or in that of an attachment, where a query matches, or nil. From, To
// and Subject are shown anyway. The bodies of documents may be left out of raw: whole reads the message with them, and is called
// only if the words are in a document, because reading documents takes long.
func findSnippet(ctx context.Context, q *words.Query, raw []byte, documents extract.Documents, whole func() []byte) *snippet {
	fields := textindex.Fields(ctx, raw, nil)
	if !q.Match(&fields) {
		if raw = whole(); raw == nil {
			return nil
		}
		fields = textindex.Fields(ctx, raw, documents)
	}
	return cmp.Or(snippetIn(q, words.Body, fields.Body), snippetIn(q, words.Attachment, fields.Attachments))
}

// snippetIn returns the best place in texts of a column, or nil.
func snippetIn(q *words.Query, column words.Column, texts []string) (best *snippet) {
	for _, text := range texts {
		line, ranges := q.Snippet(column, text, snippetSize)
		if len(ranges) == 0 || best != nil && len(ranges) <= len(best.Matches) {
			continue
		}
		best = &snippet{In: column.String(), Text: strings.TrimSpace(line)}
		cut := len(line) - len(strings.TrimLeft(line, " "))
		for _, r := range ranges {
			best.Matches = append(best.Matches, [2]int{r.Start - cut, r.End - cut})
		}
	}
	return best
}
