package completion

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Complete prints completions for the scripts of Command. Given the words of a command line, it
// prints what the last one could become, one a line, with a description after a tab. It reports no
// errors, asks nothing, and stops after a few seconds: the user has only pressed a key.
type Complete struct {
	Words []string `arg:"" optional:""`
}

// completionTimeout is the maximum time for a completion.
const completionTimeout = 3 * time.Second

// completeFiles is the line that asks the shell to complete file names.
const completeFiles = ":files"

func (c *Complete) Run(ctx context.Context, p *cli.Program, k *kong.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Process.Patience, completionTimeout))
	defer cancel()
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	l := readTyped(k.Model.Node, words[:len(words)-1])
	word := words[len(words)-1]
	for _, candidate := range l.candidates(ctx, p, word) {
		if strings.HasPrefix(candidate.value, word) {
			p.Printf("%s\t%s", ui.Safe(candidate.value), ui.Safe(candidate.about))
		}
	}
	if l.wantsFiles(word) {
		p.Printf(completeFiles)
	}
	return nil
}

// candidate is what a word could become.
type candidate struct{ value, about string }

// typedLine is the command line before the word to complete, as far as it can be parsed.
type typedLine struct {
	node       *kong.Node
	positional []string
	common     []string   // the flags that name the repository, as typed
	pending    *kong.Flag // its value comes next; may be nil
	onlyArgs   bool       // "--" was typed
}

func readTyped(root *kong.Node, words []string) *typedLine {
	l := &typedLine{node: root}
	for _, word := range words {
		switch {
		case l.pending != nil:
			l.keep(l.pending, word)
			l.pending = nil
		case word == "--":
			l.onlyArgs = true
		case strings.HasPrefix(word, "-") && !l.onlyArgs:
			name, value, given := strings.Cut(word, "=")
			flag := l.flag(name)
			switch {
			case flag == nil:
			case given:
				l.keep(flag, value)
			case !flag.IsBool():
				l.pending = flag
			}
		case len(l.node.Children) > 0:
			for _, child := range l.node.Children {
				if child.Name == word {
					l.node = child
					break
				}
			}
		default:
			l.positional = append(l.positional, word)
		}
	}
	return l
}

// keep records a flag that names the repository.
func (l *typedLine) keep(flag *kong.Flag, value string) {
	if flag.Group != nil && flag.Group.Key == "repository" {
		l.common = append(l.common, "--"+flag.Name+"="+value)
	}
}

func (l *typedLine) flags() []*kong.Flag { return slices.Concat(l.node.AllFlags(true)...) }

func (l *typedLine) flag(typed string) *kong.Flag {
	for _, flag := range l.flags() {
		if typed == "--"+flag.Name || flag.Short != 0 && typed == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

// value returns the flag or argument whose value the word is, or nil, and the part of the word
// before the value.
func (l *typedLine) value(word string) (value *kong.Value, before string) {
	if l.pending != nil {
		return l.pending.Value, ""
	}
	if strings.HasPrefix(word, "--") && !l.onlyArgs {
		if name, _, given := strings.Cut(word, "="); given {
			if flag := l.flag(name); flag != nil {
				return flag.Value, name + "="
			}
		}
		return nil, ""
	}
	args := l.node.Positional
	switch {
	case len(args) == 0:
		return nil, ""
	case len(l.positional) < len(args):
		return args[len(l.positional)], ""
	case args[len(args)-1].IsCumulative():
		return args[len(args)-1], ""
	}
	return nil, ""
}

func (l *typedLine) wantsFiles(word string) bool {
	value, before := l.value(word)
	return value != nil && before == "" && (value.Tag.Type == "path" || value.Name == "repo")
}

func (l *typedLine) candidates(ctx context.Context, p *cli.Program, word string) []candidate {
	if strings.HasPrefix(word, "-") && !strings.Contains(word, "=") && l.pending == nil && !l.onlyArgs {
		var found []candidate
		for _, flag := range l.flags() {
			found = append(found, candidate{"--" + flag.Name, firstSentence(flag.Help)})
		}
		return found
	}
	if len(l.node.Children) > 0 && l.pending == nil && !strings.HasPrefix(word, "-") {
		var found []candidate
		for _, child := range l.node.Children {
			if !child.Hidden {
				found = append(found, candidate{child.Name, firstSentence(child.Help)})
			}
		}
		return found
	}
	value, before := l.value(word)
	if value == nil {
		return nil
	}
	var found []candidate
	if value.Enum != "" {
		for _, choice := range value.EnumSlice() {
			found = append(found, candidate{value: choice})
		}
	} else {
		found = l.archived(ctx, p, value, strings.TrimPrefix(word, before))
	}
	for i := range found {
		found[i].value = before + found[i].value
	}
	return found
}

// firstSentence returns the first sentence of a help text.
func firstSentence(help string) string {
	if end := strings.Index(help, ". "); end > 0 {
		help = help[:end]
	}
	return strings.TrimSuffix(help, ".")
}
