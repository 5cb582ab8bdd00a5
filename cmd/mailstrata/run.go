package main

import (
	"context"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/hint"
)

// run runs the command of the arguments and returns the exit status.
func run(ctx context.Context, from process, args []string) int {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := newProgram(from, cancel)
	return p.end(ctx, working, perform(working, p, args))
}

// perform parses the command line and runs the command.
func perform(ctx context.Context, p *program, args []string) error {
	if len(args) == 0 {
		return &hint.Usage{
			Text: "no command given",
			Hint: "mailstrata backup --imap imaps://user@host backs up an account; mailstrata --help lists the commands",
		}
	}
	var line cli
	helped := false
	parser, err := parserOf(ctx, p, &line, &helped)
	if err != nil {
		return err // the grammar is wrong; every test shows it
	}
	command, err := parser.Parse(translate(args))
	if helped {
		return nil
	}
	if err != nil {
		return parseError(err)
	}
	p.apply(&line.globals)
	p.watch(ctx, command.Selected().Path(), command.Selected().Target.Addr().Interface())
	return command.Run()
}

// parserOf returns the parser of the command line.
func parserOf(ctx context.Context, p *program, line *cli, helped *bool) (*kong.Kong, error) {
	return newParser(ctx, p, line, helped, kong.Description(description), kong.ExplicitGroups(groups), kong.Bind(runner(run)))
}
