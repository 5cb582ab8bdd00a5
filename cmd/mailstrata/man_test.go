package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rivo/uniseg"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/man"
)

// model returns the grammar of the command line.
func model(t *testing.T) *kong.Node {
	t.Helper()
	var grammar commandLine
	var helped bool
	p := cli.New(cli.Process{Stdout: &strings.Builder{}, Stderr: &strings.Builder{}, Getenv: func(string) string { return "" }}, func(error) {})
	parser, err := parserOf(t.Context(), p, &grammar, &helped)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// Every command has a page, and every flag and argument is in it.
func TestManPagesAreComplete(t *testing.T) {
	dir := t.TempDir()
	p := cli.Process{Stdout: &strings.Builder{}, Stderr: &strings.Builder{}, Getenv: func(string) string { return "" }}
	if status := run(t.Context(), p, []string{"man", dir}); status != cli.StatusDone {
		t.Fatalf("status %d", status)
	}
	root := model(t)
	whole := manPage(t, dir, root)
	for _, node := range man.Commands(root) {
		text := manPage(t, dir, node)
		if !strings.Contains(whole, man.Escape(node.FullPath())) {
			t.Errorf("mailstrata(1) does not list %s", node.FullPath())
		}
		for _, flags := range node.AllFlags(true) {
			for _, flag := range flags {
				if !strings.Contains(text, `\fB`+man.Escape(flag.Summary())+`\fR`) && !strings.Contains(text, ", "+man.Escape(flag.Summary())+`\fR`) {
					t.Errorf("%s does not list --%s", man.Name(node), flag.Name)
				}
			}
		}
		for _, arg := range node.Positional {
			if !strings.Contains(text, man.Escape(strings.ToUpper(arg.Summary()))) {
				t.Errorf("%s does not list %s", man.Name(node), arg.Summary())
			}
		}
		if len(node.Children) == 0 && !strings.Contains(text, `.SH "EXIT STATUS"`) {
			t.Errorf("%s has no exit statuses", man.Name(node))
		}
	}
}

// The help fits a terminal of 80 columns: a line that a terminal breaks can hardly be read.
func TestHelpIs80Wide(t *testing.T) {
	for _, node := range man.Commands(model(t)) {
		var shown strings.Builder
		p := cli.Process{Stdout: &shown, Stderr: &strings.Builder{}, Getenv: func(string) string { return "" }}
		if status := run(t.Context(), p, append(strings.Fields(node.FullPath())[1:], "--help")); status != cli.StatusDone {
			t.Fatalf("%s --help: status %d", node.FullPath(), status)
		}
		for line := range strings.Lines(shown.String()) {
			if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s --help has a line of %d cells: %s", node.FullPath(), n, line)
			}
		}
	}
}

// The help of every flag that has a default shows it.
func TestHelpShowsDefaults(t *testing.T) {
	defaults := 0
	for _, node := range man.Commands(model(t)) {
		var shown strings.Builder
		p := cli.Process{Stdout: &shown, Stderr: &strings.Builder{}, Getenv: func(string) string { return "" }}
		if status := run(t.Context(), p, append(strings.Fields(node.FullPath())[1:], "--help")); status != cli.StatusDone {
			t.Fatalf("%s --help: status %d", node.FullPath(), status)
		}
		help := strings.Join(strings.Fields(shown.String()), " ") // as if no line were broken
		for _, flag := range node.Flags {
			if flag.Default == "" || flag.Hidden {
				continue
			}
			defaults++
			if !strings.Contains(help, `="`+flag.Default+`"`) && !strings.Contains(help, "Default: "+flag.Default+".") {
				t.Errorf("%s --help does not show the default of --%s, %s", node.FullPath(), flag.Name, flag.Default)
			}
		}
	}
	if defaults == 0 {
		t.Error("no flag has a default")
	}
}

func manPage(t *testing.T, dir string, node *kong.Node) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, man.Name(node)+".1"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
