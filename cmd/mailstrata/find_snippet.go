package main

import (
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
// and Subject are shown anyway.
func findSnippet(ctx context.Context, q *words.Query, raw []byte, documents extract.Documents) *snippet {
	fields := textindex.Fields(ctx, raw, documents)
	for _, column := range []struct {
		in    words.Column
		texts []string
	}{{words.Body, fields.Body}, {words.Attachment, fields.Attachments}} {
		var best *snippet
		for _, text := range column.texts {
			line, ranges := q.Snippet(column.in, text, snippetSize)
			if len(ranges) == 0 || best != nil && len(ranges) <= len(best.Matches) {
				continue
			}
			best = &snippet{In: column.in.String(), Text: strings.TrimSpace(line)}
			cut := len(line) - len(strings.TrimLeft(line, " "))
			for _, r := range ranges {
				best.Matches = append(best.Matches, [2]int{r.Start - cut, r.End - cut})
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}
