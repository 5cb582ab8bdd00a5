package fulltext

import (
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// tokenizerName is the name under which FTS5 knows spaces.
const tokenizerName = "spaces"

// registerFTS5 adds FTS5 and its tokenizer to a connection.
func registerFTS5(conn *sqlite3.Conn) error {
	return fts5.RegisterCustom(conn, func(api *fts5.API) error {
		return api.CreateTokenizer(tokenizerName, func([]string) (fts5.Tokenizer, error) { return spaces{}, nil })
	})
}

// spaces is the tokenizer of FTS5 for the texts that text.go writes: a space ends each word. The tokenizers of FTS5 look at each
// character, and fold and copy each word again.
type spaces struct{}

func (spaces) Tokenize(_ fts5.TokenizeFlag, text, _ string, token fts5.TokenCallback) error {
	for at := 0; at < len(text); {
		end := len(text)
		if n := strings.IndexByte(text[at:], ' '); n >= 0 {
			end = at + n
		}
		if end > at {
			if err := token(0, "", at, end); err != nil { // "": the word is in the text
				return err
			}
		}
		at = end + 1
	}
	return nil
}
