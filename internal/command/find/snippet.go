package find

import "github.com/mailstrata/mailstrata/archive/textindex"

// snippet is the place in a message where words match, as JSON.
type snippet struct {
	In      string   `json:"in"`      // body or attachment
	Text    string   `json:"text"`    // one line
	Matches [][2]int `json:"matches"` // ranges of bytes of the text, from and to
}

// snippetOf returns a snippet as JSON, or nil.
func snippetOf(found *textindex.Snippet) *snippet {
	if found == nil {
		return nil
	}
	s := &snippet{In: found.In.String(), Text: found.Text}
	for _, r := range found.Matches {
		s.Matches = append(s.Matches, [2]int{r.Start, r.End})
	}
	return s
}
