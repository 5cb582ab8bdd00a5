package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// queryTexts is a flag whose values are queries. They all must match.
type queryTexts []string

// Decode adds a value. It may begin with one dash, which negates a word.
func (q *queryTexts) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	text, isText := token.Value.(string)
	if !isText || token.Type != kong.FlagValueToken && strings.HasPrefix(text, "--") {
		return errors.New("expected a query")
	}
	*q = append(*q, text)
	return nil
}

// dashedQuery returns a hint for a query among the arguments that has a word with a dash, which was taken for a flag. It returns ""
// if there is none, or if the command has no queries.
func dashedQuery(args []string, command *kong.Node) string {
	flags := make(map[string]*kong.Flag)
	for _, group := range command.AllFlags(false) {
		for _, flag := range group {
			flags["--"+flag.Name] = flag
			if flag.Short != 0 {
				flags["-"+string(flag.Short)] = flag
			}
		}
	}
	if flags["--text"] == nil {
		return ""
	}
	var words []string
	dashed := false
	for i := slices.Index(args, command.Name) + 1; i < len(args); i++ {
		flag := flags[args[i]]
		switch {
		case flag != nil && !flag.IsBool():
			i++
		case flag != nil || strings.HasPrefix(args[i], "--"):
		default:
			words = append(words, args[i])
			dashed = dashed || strings.HasPrefix(args[i], "-")
		}
	}
	if !dashed {
		return ""
	}
	return "write a query with a dash so: --text=" + ui.ShellWord(strings.Join(words, " ")) + "; "
}
