package main

import (
	"context"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/grammar"
	"github.com/mailstrata/mailstrata/internal/hint"
)

// run runs the command of the arguments and returns the exit status.
func run(ctx context.Context, from cli.Process, args []string) int {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := cli.New(from, cancel)
	return p.End(ctx, working, perform(working, p, args))
}

// perform parses the command line and runs the command.
func perform(ctx context.Context, p *cli.Program, args []string) error {
	if len(args) == 0 {
		return &hint.Usage{
			Text: "no command given",
			Hint: "mailstrata setup sets up a backup every night; mailstrata --help lists the commands",
		}
	}
	var line commandLine
	helped := false
	parser, err := parserOf(ctx, p, &line, &helped)
	if err != nil {
		return err // the grammar is wrong; every test shows it
	}
	command, err := parser.Parse(grammar.Translate(args))
	if helped {
		return nil
	}
	if err != nil {
		return grammar.ParseError(err)
	}
	p.Apply(&line.Globals)
	_, p.ListAhead = command.Selected().Target.Addr().Interface().(cli.Lister)
	p.Watch(ctx, command.Selected().Path(), command.Selected().Target.Addr().Interface())
	return command.Run()
}

// parserOf returns the parser of the command line.
func parserOf(ctx context.Context, p *cli.Program, line *commandLine, helped *bool) (*kong.Kong, error) {
	return grammar.NewParser(ctx, p, line, helped,
		kong.Description(description), kong.ExplicitGroups(groups), kong.Bind(cli.Runner(run)))
}
