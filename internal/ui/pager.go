package ui

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
)

// errPagerQuit ends a command whose pager was quit. It is not a failure.
var errPagerQuit = errors.New("the pager was quit")

// pager shows long results a screen at a time. It starts with the first result, so that questions
// come before it.
type pager struct {
	output  *Output
	command *exec.Cmd
	input   io.WriteCloser
	failed  bool // there is no pager: results go to standard output
}

// Page sends the results of this command through a pager if standard output is a terminal.
func (o *Output) Page() {
	if o.screen.width == 0 || o.noPager || o.pager != nil {
		return
	}
	o.pager = &pager{output: o}
	o.buffer.Reset(o.pager)
}

// Write implements io.Writer.
func (g *pager) Write(text []byte) (int, error) {
	if g.input == nil && !g.failed {
		g.start()
	}
	if g.failed {
		return g.output.stdout.Write(text)
	}
	n, err := g.input.Write(text)
	if err != nil {
		g.output.quit(errPagerQuit)
	}
	return n, err
}

// start runs $PAGER, or less with the options that keep short output on the screen and show colors.
func (g *pager) start() {
	g.failed = true
	name := cmp.Or(g.output.getenv("PAGER"), "less")
	if name == "cat" {
		return
	}
	if _, err := exec.LookPath("sh"); err != nil {
		return
	}
	if _, err := exec.LookPath("less"); err != nil && name == "less" {
		return
	}
	command := exec.Command("sh", "-c", name)
	command.Stdout, command.Stderr = g.output.stdout, os.Stderr
	command.Env = os.Environ()
	if g.output.getenv("LESS") == "" {
		command.Env = append(command.Env, "LESS=FRX")
	}
	input, err := command.StdinPipe()
	if err != nil || command.Start() != nil {
		return
	}
	g.command, g.input, g.failed = command, input, false
	g.output.console.redirect(input)
}

// close waits until the user leaves the pager.
func (g *pager) close() {
	if g.command == nil {
		return
	}
	_ = g.input.Close()
	_ = g.command.Wait() // how a pager ends says nothing about the results
	g.output.console.redirect(nil)
}

// Quit reports whether the command ended because the pager was quit.
func Quit(ctx context.Context, err error) bool {
	return err != nil && errors.Is(context.Cause(ctx), errPagerQuit)
}
