package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// The exit statuses are a promise: scripts and timers go by them.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusPartial     = 3   // done, but some messages could not be read, or written
	statusShrunk      = 4   // done, but the account shrank or changed suspiciously
	statusInterrupted = 130 // as a shell has it for SIGINT
)

// outcome is the end of a command that did its work, but not as one would wish. What there is to tell has been told, but
// for one sentence.
type outcome struct {
	status int
	text   string
}

func (o *outcome) Error() string { return o.text }

// report tells an error to the user, in one sentence and where there is one a hint, and gives the exit status.
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
	var misused *hint.Usage
	var ended *outcome
	switch {
	case errors.As(err, &misused):
		return statusUsage
	case errors.As(err, &ended):
		return ended.status
	}
	return statusFailed
}
