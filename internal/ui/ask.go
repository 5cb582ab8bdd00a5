package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrNoTerminal means that the question has no terminal.
var ErrNoTerminal = errors.New("no terminal")

// terminal opens the terminal of the user, even if standard input is something else.
func (o *Output) terminal() (*os.File, error) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		return tty, nil
	}
	if o.stdin != nil && term.IsTerminal(int(o.stdin.Fd())) {
		return os.NewFile(o.stdin.Fd(), o.stdin.Name()), nil
	}
	return nil, ErrNoTerminal
}

// HasTerminal reports whether there is a terminal to ask on.
func (o *Output) HasTerminal() bool {
	tty, err := o.terminal()
	if err != nil {
		return false
	}
	_ = tty.Close()
	return true
}

// Attended reports whether somebody sits at the terminal that standard input and standard error
// are.
func (o *Output) Attended() bool {
	return o.stdin != nil && term.IsTerminal(int(o.stdin.Fd())) && o.console.live && o.HasTerminal()
}

// Ask writes a question to the terminal and returns the line that the user types.
func (o *Output) Ask(ctx context.Context, question string) (string, error) {
	return onTerminal(o, ctx, question, func(tty *os.File) (string, error) {
		line, err := bufio.NewReader(tty).ReadString('\n')
		return strings.TrimSpace(line), err
	})
}

// AskSecret asks for a secret without echo. An empty one is an error.
func (o *Output) AskSecret(ctx context.Context, name string) ([]byte, error) {
	return onTerminal(o, ctx, capital(name)+": ", func(tty *os.File) ([]byte, error) {
		value, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		if err == nil && len(value) == 0 {
			err = fmt.Errorf("an empty %s was entered", name)
		}
		return value, err
	})
}

// onTerminal writes a question to the terminal and reads the answer. If ctx ends first, it restores
// the echo of the terminal.
func onTerminal[T any](
	o *Output, ctx context.Context, question string, read func(*os.File) (T, error),
) (none T, err error) {
	tty, err := o.terminal()
	if err != nil {
		return none, err
	}
	defer tty.Close()
	if err := o.Flush(); err != nil {
		return none, err
	}
	o.console.clear() // the question gets a line to itself
	state, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return none, err
	}
	fmt.Fprint(tty, question)
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := read(tty)
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		_ = term.Restore(int(tty.Fd()), state)
		fmt.Fprintln(tty)
		return none, context.Cause(ctx)
	}
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// widestParagraph is the width of a line that is easy to read.
const widestParagraph = 80

// Paragraph writes text to standard error. On a terminal, its lines are short enough to be read.
func (o *Output) Paragraph(text string) { o.Item("", text) }

// Item writes a paragraph to standard error that begins with a label, and whose further lines are
// indented below it.
func (o *Output) Item(label, text string) {
	width := o.console.screen.width
	if width > 0 {
		width = min(width, widestParagraph) - len(label)
	}
	indent := strings.Repeat(" ", len(label))
	o.Say(label + strings.ReplaceAll(fold(text, width, ""), "\n", "\n"+indent))
}
