package words

import (
	"fmt"
	"unicode/utf8"
)

// SyntaxError is the error of Parse and of Filter.Errorf.
type SyntaxError struct {
	Query string
	At    int    // the place in Query, in bytes
	Text  string // what is wrong there
}

// shown is how many characters of the query an error quotes.
const shown = 20

// Error names the place by the text that begins there.
func (e *SyntaxError) Error() string {
	rest := []rune(e.Query[e.At:])
	if len(rest) == 0 {
		return "at the end of the query: " + e.Text
	}
	quoted := string(rest[:min(len(rest), shown)])
	if len(rest) > shown {
		quoted += "…"
	}
	return fmt.Sprintf("at %q, character %d of the query: %s", quoted, utf8.RuneCountInString(e.Query[:e.At])+1, e.Text)
}

func errorAt(query string, at int, format string, args ...any) error {
	return &SyntaxError{Query: query, At: at, Text: fmt.Sprintf(format, args...)}
}
