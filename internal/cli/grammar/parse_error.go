package grammar

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// ParseError returns a usage error for an error of the parser, with the command that prints the
// right help.
func ParseError(err error) error {
	where, text, advice := "mailstrata --help", err.Error(), ""
	if strings.HasPrefix(text, `expected one of "setup"`) { // only flags were given
		text = "no command given"
	}
	if missing, ok := strings.CutPrefix(text, `expected "<`); ok {
		text = "<" + strings.ReplaceAll(missing, `"`, "") + " is missing"
		if strings.HasPrefix(text, "<manifest>") {
			advice = "latest is the newest manifest, and mailstrata list shows all; "
		}
	}
	text = plainer(text)
	unexpected, isUnexpected := strings.CutPrefix(text, "unexpected argument ")
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			where = "mailstrata " + node.Path() + " --help"
			switch flag, isFlag := strings.CutPrefix(text, "unknown flag "); {
			case isUnexpected && misplaced(unexpected, node) != "":
				advice = misplaced(unexpected, node) + "; "
			case isUnexpected && takesNames(node):
				advice = "put a name with spaces in quotes; "
			case isFlag:
				text, advice = unknownFlag(flag, parse.Context.Args, node)
			}
		} else if isUnexpected {
			var ours guess
			if text, ours = unknownCommand(unexpected, parse.Context.Model); ours.command != "" {
				if where = "mailstrata " + ours.command + " --help"; ours.command == "global" {
					where = "mailstrata help global"
				}
			}
			switch {
			case ours.says != "":
				advice = ours.says + "; "
			case ours.command != "":
				advice = "use mailstrata " + ours.command + "; "
			}
		} else if flag, isFlag := strings.CutPrefix(text, "unknown flag "); isFlag {
			name, _, _ := strings.Cut(flag, ",")
			if says := guessFlag(name, parse.Context.Args, nil); says != "" {
				text, advice = "unknown flag "+name, says+"; "
			}
		}
	}
	return &hint.Usage{Text: text, Hint: advice + "see " + where}
}

// plainer returns what the parser says of a value in words that do not name its types.
func plainer(text string) string {
	for _, known := range valueErrors {
		if found := known.FindStringSubmatch(text); found != nil {
			return found[1] + ": " + known.says(found)
		}
	}
	return text
}

// valueErrors are the sentences of the parser about values.
var valueErrors = []struct {
	*regexp.Regexp
	says func(found []string) string
}{
	{regexp.MustCompile(`^(--[a-z-]+): expected .* value but got "EOL"`), func([]string) string { return "the value is missing" }},
	{regexp.MustCompile(`^(--[a-z-]+): missing value, `), func([]string) string { return "the value is missing" }},
	{regexp.MustCompile(`^(--[a-z-]+): expected .* value but got .*; perhaps try --[a-z-]+="(.*)"\?$`), func(found []string) string {
		return "the value is missing; one that begins with a dash is written " + found[1] + "=" + found[2]
	}},
	{regexp.MustCompile(`^\[?([^\]:]+)\]?: expected a valid \d+ bit u?int but got (".*")$`), func(found []string) string {
		return found[2] + " is not a number"
	}},
}

// takesNames reports whether a command takes names of mailboxes, which may have spaces.
func takesNames(command *kong.Node) bool {
	return hasFlag(command, "mailbox") ||
		slices.ContainsFunc(command.Positional, func(p *kong.Positional) bool { return p.Name == "mailbox" })
}

func hasFlag(command *kong.Node, name string) bool {
	for _, group := range command.AllFlags(false) {
		if slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == name }) {
			return true
		}
	}
	return false
}

// unknownFlag returns an error text for an unknown flag, and what to write instead, or "". The
// parser offers all short flags for an unknown one, which leads nowhere.
func unknownFlag(flag string, args []string, command *kong.Node) (text, advice string) {
	text = "unknown flag " + flag
	name, _, _ := strings.Cut(flag, ",")
	says := guessFlag(name, args, command)
	switch {
	case name == "--save" && command.Name == "cat":
		return "unknown flag " + name, "mailstrata attachments --save DIR writes attachments; cat prints a message: append > FILE; "
	case says != "":
		return "unknown flag " + name, says + "; "
	case !strings.HasPrefix(name, "--"):
		text = "unknown flag " + name
	}
	return text, dashedQuery(args, command)
}

// unknownCommand returns an error text for an unknown command, and what it is in other programs, if
// that is known. It replaces the parser's guess, which suggests words that have only two letters in
// common.
func unknownCommand(unexpected string, model *kong.Application) (text string, ours guess) {
	word, _, _ := strings.Cut(unexpected, ",")
	text = "there is no command " + word
	if ours = otherWords[word]; ours.command != "" {
		return text, ours
	}
	var commands []string
	for _, c := range model.Children {
		if !c.Hidden {
			commands = append(commands, c.Name)
		}
	}
	if near := ui.Nearest(word, commands); near != "" {
		text += ", did you mean " + ui.Quote(near) + "?"
	}
	return text, guess{}
}

// dashedQuery returns a hint for a query among the arguments that has a word with a dash, which was
// taken for a flag. It returns "" if there is none, or if the command has no queries.
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
