// Package man writes manual pages in roff from the grammar of kong: one page for the program, and
// one for each command.
package man

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Commands returns the commands below a node that are not hidden, with their subcommands.
func Commands(node *kong.Node) []*kong.Node {
	var nodes []*kong.Node
	for _, child := range node.Children {
		if !child.Hidden {
			nodes = append(append(nodes, child), Commands(child)...)
		}
	}
	return nodes
}

// Name returns the name of a page: mailstrata-key-add.
func Name(node *kong.Node) string { return strings.ReplaceAll(node.FullPath(), " ", "-") }

// writer writes roff with the macros of man(7).
type writer struct {
	strings.Builder
	describe func(*kong.Value) string
}

// Page returns the page of a command, or of the program. describe returns the help of a flag.
func Page(node *kong.Node, version string, describe func(*kong.Value) string) string {
	w := &writer{describe: describe}
	w.macro("TH", strings.ToUpper(Name(node)), "1", "", "mailstrata "+version)
	w.macro("SH", "NAME")
	about, detail := node.Help, node.Detail
	if node.Parent == nil {
		about, detail = "archive mail and restore it", node.Help
	}
	w.text(Name(node) + " - " + strings.TrimSuffix(about, "."))
	w.macro("SH", "SYNOPSIS")
	w.text(synopsis(node))
	w.macro("SH", "DESCRIPTION")
	sections := strings.Split(detail, "\n\n")
	headings := slices.IndexFunc(sections, isHeading)
	if headings < 0 {
		headings = len(sections)
	}
	w.blocks(sections[:headings])
	w.commands(node)
	w.arguments(node)
	w.flags("OPTIONS", node.Flags)
	if node.Parent != nil {
		var common []*kong.Flag
		for parent := node.Parent; parent != nil; parent = parent.Parent {
			common = append(common, parent.Flags...)
		}
		w.flags("OPTIONS OF ALL COMMANDS", common)
	}
	w.blocks(sections[headings:])
	w.seeAlso(node)
	return w.String()
}

func synopsis(node *kong.Node) string {
	words := []string{node.FullPath()}
	if len(Commands(node)) > 0 {
		words = append(words, "COMMAND")
	}
	for _, arg := range node.Positional {
		words = append(words, strings.ToUpper(arg.Summary()))
	}
	return strings.Join(append(words, "[OPTIONS]"), " ")
}

func (w *writer) commands(node *kong.Node) {
	commands := Commands(node)
	if len(commands) == 0 {
		return
	}
	w.macro("SH", "COMMANDS")
	for _, command := range commands {
		w.item(command.FullPath(), command.Help)
	}
}

func (w *writer) arguments(node *kong.Node) {
	if len(node.Positional) > 0 {
		w.macro("SH", "ARGUMENTS")
	}
	for _, arg := range node.Positional {
		w.item(strings.ToUpper(arg.Summary()), arg.Help)
	}
}

func (w *writer) flags(heading string, flags []*kong.Flag) {
	headed := false
	for _, flag := range flags {
		if flag.Hidden {
			continue
		}
		if !headed {
			w.macro("SH", heading)
			headed = true
		}
		term := flag.Summary()
		if flag.Short != 0 {
			term = "-" + string(flag.Short) + ", " + term
		}
		w.item(term, w.describe(flag.Value))
	}
}

func (w *writer) seeAlso(node *kong.Node) {
	var pages []string
	if node.Parent != nil {
		pages = append(pages, Name(node.Parent)+"(1)")
	}
	for _, child := range node.Children {
		if !child.Hidden {
			pages = append(pages, Name(child)+"(1)")
		}
	}
	w.macro("SH", "SEE ALSO")
	w.text(strings.Join(pages, ", "))
}

// blocks writes help: paragraphs, headings in capitals, and indented examples.
func (w *writer) blocks(blocks []string) {
	for _, block := range blocks {
		switch {
		case block == "":
		case isHeading(block):
			w.macro("SH", block)
		case strings.HasPrefix(block, "    "):
			w.macro("PP")
			w.macro("EX")
			for line := range strings.SplitSeq(block, "\n") {
				w.text(line)
			}
			w.macro("EE")
		default:
			w.macro("PP")
			w.text(strings.ReplaceAll(block, "\n", " "))
		}
	}
}

func isHeading(block string) bool {
	return block != "" && strings.ToUpper(block) == block && !strings.ContainsAny(block, "\n.:;-")
}

func (w *writer) item(term, text string) {
	w.macro("TP")
	w.WriteString(`\fB` + Escape(term) + "\\fR\n")
	w.text(text)
}

func (w *writer) macro(name string, args ...string) {
	w.WriteString("." + name)
	for _, arg := range args {
		w.WriteString(` "` + strings.ReplaceAll(Escape(arg), `"`, `\(dq`) + `"`)
	}
	w.WriteByte('\n')
}

// text writes a line of text, even if it begins like a macro.
func (w *writer) text(line string) {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = "\x00" + line
	}
	w.WriteString(strings.ReplaceAll(Escape(line), "\x00", `\&`) + "\n")
}

// Escape escapes what roff would interpret, or print as another character.
func Escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(text)
}
