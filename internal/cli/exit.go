package cli

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// The exit statuses are stable: scripts and timers depend on them.
const (
	StatusDone        = 0
	StatusFailed      = 1
	StatusUsage       = 2
	StatusPartial     = 3   // done, but some messages could not be read, or written
	StatusShrunk      = 4   // done, but the account shrank or changed suspiciously
	StatusInterrupted = 130 // 128 + SIGINT, as in shells
)

// outcome ends a command that did its work, but with problems. It has printed all but this
// sentence.
type outcome struct {
	status int
	text   string
}

func (o *outcome) Error() string { return o.text }

// Ended ends a command that did its work, but with problems, with this exit status. The command has
// printed all but this sentence.
func Ended(status int, text string) error { return &outcome{status, text} }

// Partial ends a command with [StatusPartial].
func Partial(text string) error { return Ended(StatusPartial, text) }

// Shrunk ends a command with [StatusShrunk].
func Shrunk(text string) error { return Ended(StatusShrunk, text) }

// report prints an error in one sentence, and its hint if it has one, and returns the exit status.
func (p *Program) report(ctx context.Context, err error) int {
	if err == nil {
		return StatusDone
	}
	if ctx.Err() != nil {
		p.Alarm("interrupted")
		return StatusInterrupted
	}
	p.Alarm("%s", ui.OneLine(hint.Text(err)))
	if hint := hint.For(err); hint != "" {
		p.Say("hint: " + hint)
	}
	return StatusOf(err)
}

// StatusOf returns the exit status of a command that ended with an error, or with nil.
func StatusOf(err error) int {
	var misused *hint.Usage
	var ended *outcome
	switch {
	case err == nil:
		return StatusDone
	case errors.As(err, &misused):
		return StatusUsage
	case errors.As(err, &ended):
		return ended.status
	}
	return StatusFailed
}
