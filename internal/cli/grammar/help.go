package grammar

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ForAll ends the heading of flags that every command has.
const ForAll = "(all commands):"

// globalHelp is what "mailstrata help global" becomes: the help of the flags that every command
// has.
const globalHelp = "__global"

// Translate replaces what users of other programs try: "help backup", "--version", "search".
func Translate(args []string) []string {
	switch {
	case args[0] == "--version":
		return []string{"version"}
	case args[0] == "help" && len(args) == 2 && args[1] == "global":
		return []string{globalHelp, "--help"}
	case args[0] == "help":
		return append(translateName(args[1:]), "--help")
	}
	return translateName(args)
}

// translateName replaces another name of a command, which is not in the grammar, so that all
// messages have the usual name.
func translateName(args []string) []string {
	args = slices.Clone(args)
	if len(args) > 0 && args[0] == "search" {
		args[0] = "find"
	}
	return args
}

// Global has no other use than its help.
type Global struct{}

func (*Global) Run() error { return nil }

// printHelp prints kong's help. The flags of all commands have a page to themselves.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	var text bytes.Buffer
	stdout := ctx.Stdout
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = stdout
	if err != nil {
		return err
	}
	var own, common []string
	pendingFlags := false
	for block := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n\n") {
		block = strings.TrimPrefix(block, "# ") // go/doc's mark of a heading
		if block, pendingFlags = dropHelpFlag(block, pendingFlags); block == "" {
			continue
		}
		first, _, _ := strings.Cut(block, "\n")
		if strings.HasSuffix(first, ForAll) {
			common = append(common, block)
		} else {
			own = append(own, block)
		}
	}
	selected := ctx.Selected()
	switch {
	case selected != nil && selected.Name == globalHelp:
		own = common
	case selected != nil:
		own = append(own, `"mailstrata help global" lists the flags of all commands.`)
	default:
		last := len(own) - 1 // how to get more help
		own[last] += "\n" + `"mailstrata help global" lists the flags of all commands.`
	}
	_, err = io.WriteString(stdout, strings.Join(own, "\n\n")+"\n")
	return err
}

// dropHelpFlag removes the line of --help, which each command has, from a block of flags. If other
// flags follow in the next block, the heading goes there.
func dropHelpFlag(block string, pending bool) (rest string, headingPending bool) {
	if pending && strings.HasPrefix(block, "      --") || pending && strings.HasPrefix(block, "  -") {
		return "Flags:\n" + block, false
	}
	lines := strings.Split(block, "\n")
	if len(lines) == 2 && lines[0] == "Flags:" && strings.Contains(lines[1], "--help") {
		return "", true
	}
	return block, false
}
