package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/grammar"
	"github.com/mailstrata/mailstrata/internal/man"
	"github.com/mailstrata/mailstrata/internal/ui"
)

type manCommand struct {
	Dir string `arg:"" optional:"" type:"path" help:"Directory for one page for each command. Default: print the page of the program."`
}

func (*manCommand) Help() string {
	return `EXAMPLES

    mailstrata man | man -l -
    mailstrata man ~/.local/share/man/man1

` + cli.ExitStatus
}

func (c *manCommand) Run(p *cli.Program, k *kong.Context) error {
	if c.Dir == "" {
		_, err := io.WriteString(p, man.Page(k.Model.Node, cli.Version(), grammar.DescribeValue))
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make a directory for the manual pages: %w", err)
	}
	nodes := append([]*kong.Node{k.Model.Node}, man.Commands(k.Model.Node)...)
	for _, node := range nodes {
		page := man.Page(node, cli.Version(), grammar.DescribeValue)
		if err := os.WriteFile(filepath.Join(c.Dir, man.Name(node)+".1"), []byte(page), 0o644); err != nil {
			return fmt.Errorf("write a manual page: %w", err)
		}
	}
	p.Note("%s in %s", ui.Plural(len(nodes), "manual page"), ui.Safe(c.Dir))
	return nil
}
