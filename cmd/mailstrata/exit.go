package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// The exit statuses are stable: scripts and timers depend on them.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusPartial     = 3   // done, but some messages could not be read, or written
	statusShrunk      = 4   // done, but the account shrank or changed suspiciously
	statusInterrupted = 130 // 128 + SIGINT, as in shells
)

// outcome ends a command that did its work, but with problems. It has printed all but this sentence.
type outcome struct {
	status int
	text   string
}

func (o *outcome) Error() string { return o.text }

// ended ends a command that did its work, but with problems, with this exit status. The command has printed all but this
// sentence.
func ended(status int, text string) error { return &outcome{status, text} }

// partial ends a command with statusPartial, and shrunk one with statusShrunk.
func partial(text string) error { return ended(statusPartial, text) }
func shrunk(text string) error  { return ended(statusShrunk, text) }

// report prints an error in one sentence, and its hint if it has one, and returns the exit status.
func (p *program) report(ctx context.Context, err error) int {
	if err == nil {
		return statusDone
	}
	if ctx.Err() != nil {
		p.Alarm("interrupted")
		return statusInterrupted
	}
	p.Alarm("%s", ui.OneLine(err.Error()))
	if hint := hint.For(err); hint != "" {
		p.Say("hint: " + hint)
	}
	return statusOf(err)
}

// statusOf returns the exit status of a command that ended with an error, or with nil.
func statusOf(err error) int {
	var misused *hint.Usage
	var ended *outcome
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &misused):
		return statusUsage
	case errors.As(err, &ended):
		return ended.status
	}
	return statusFailed
}
