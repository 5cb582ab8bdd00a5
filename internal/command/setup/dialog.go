package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// dialog asks on the terminal.
type dialog struct{ *cli.Program }

// errUnanswered ends a dialog whose terminal was closed.
var errUnanswered = errors.New("the terminal was closed before all questions were answered; nothing was set up")

// section begins a part of the dialog.
func (d *dialog) section(title string) { d.Say("\n" + title + "\n") }

// ask asks a question until there is an answer. usual is what an empty line means; "": it means
// nothing.
func (d *dialog) ask(ctx context.Context, question, usual string) (string, error) {
	if usual != "" {
		question += " [" + ui.Safe(usual) + "]"
	}
	for {
		answer, err := d.Ask(ctx, question+": ")
		if errors.Is(err, io.EOF) {
			err = errUnanswered
		}
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = usual
		}
		if answer != "" {
			return answer, nil
		}
		d.Paragraph("This needs an answer. Ctrl-C ends the questions.")
	}
}

// secret asks for a secret without echo, until there is one.
func (d *dialog) secret(ctx context.Context, name string) (string, error) {
	for {
		value, err := d.AskSecret(ctx, name)
		if errors.Is(err, io.EOF) {
			err = errUnanswered
		}
		if err == nil || errors.Is(err, errUnanswered) || ctx.Err() != nil {
			return string(value), err
		}
		d.Paragraph(sentence(err))
	}
}

// choose asks for one of several options, and returns its index. The first is the usual one.
func (d *dialog) choose(ctx context.Context, question string, options ...string) (int, error) {
	d.Paragraph(question)
	for i, option := range options {
		d.Item(fmt.Sprintf("  %d  ", i+1), option)
	}
	for {
		answer, err := d.ask(ctx, "Choose", "1")
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(options) {
			return n - 1, nil
		}
		d.Paragraph(fmt.Sprintf("Enter a number from 1 to %d.", len(options)))
	}
}

// confirm asks a question that an empty line answers with yes.
func (d *dialog) confirm(ctx context.Context, question string) (bool, error) {
	return d.yesNo(ctx, question+" [Y/n]", true)
}

// doubt asks a question that an empty line answers with no.
func (d *dialog) doubt(ctx context.Context, question string) (bool, error) {
	return d.yesNo(ctx, question+" [y/N]", false)
}

func (d *dialog) yesNo(ctx context.Context, question string, usual bool) (bool, error) {
	for {
		answer, err := d.Ask(ctx, question+" ")
		if errors.Is(err, io.EOF) {
			err = errUnanswered
		}
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "":
			return usual, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		d.Paragraph("Enter y or n.")
	}
}

// failed prints an error, and what the user can do about it.
func (d *dialog) failed(err error) {
	d.Paragraph(sentence(err))
	if advice := hint.For(err); advice != "" {
		d.Paragraph("Hint: " + advice + ".")
	}
}

// sentence returns an error as a sentence.
func sentence(err error) string {
	text := strings.TrimSuffix(ui.OneLine(hint.Text(err)), ".")
	if text == "" {
		return "It failed."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
