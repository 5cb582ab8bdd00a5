package conditions

import (
	"errors"
	"strings"

	"github.com/alecthomas/kong"
)

// Texts is a flag whose values are queries. They all must match.
type Texts []string

// Decode adds a value. It may begin with one dash, which negates a word.
func (t *Texts) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	text, isText := token.Value.(string)
	if !isText || token.Type != kong.FlagValueToken && strings.HasPrefix(text, "--") {
		return errors.New("expected a query")
	}
	*t = append(*t, text)
	return nil
}
